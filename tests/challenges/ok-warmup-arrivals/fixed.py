import torch
import torch.nn as nn


class EventTransformer(nn.Module):
    """Arrival times and sizes of parcels in, share of the weight that comes in the second half of the day out."""

    def __init__(self, d=32, heads=4, layers=1):
        super().__init__()
        self.project = nn.Linear(2, d)
        self.cls = nn.Parameter(torch.zeros(1, 1, d))
        nn.init.normal_(self.cls, std=0.02)
        block = nn.TransformerEncoderLayer(d, heads, 2 * d, dropout=0.05, activation="gelu", batch_first=True, norm_first=True)
        self.encoder = nn.TransformerEncoder(block, layers, norm=nn.LayerNorm(d), enable_nested_tensor=False)
        self.head = nn.Linear(d, 1)

    def forward(self, events, padding):
        h = self.project(events)
        h = torch.cat([self.cls.expand(len(h), -1, -1), h], 1)
        padding = torch.cat([torch.zeros(len(h), 1, dtype=torch.bool), padding], 1)
        return self.head(self.encoder(h, src_key_padding_mask=padding)[:, 0]).squeeze(-1)


def simulate(n, longest=8):
    count = torch.randint(3, longest + 1, (n, 1))
    padding = torch.arange(longest) >= count
    arrival = torch.rand(n, longest).sort(1).values * 6
    size = 0.3 + torch.rand(n, longest)
    size = torch.where(padding, 0, size)
    late = (size * (arrival > 3)).sum(1) / size.sum(1)
    late = late + 0.1 * torch.randn(n)
    events = torch.stack([(arrival - 3) / 1.7, (size - 0.8) / 0.29], 2)
    return events.masked_fill(padding[..., None], 0.0), padding, late


def main():
    torch.manual_seed(19)
    events, padding, late = simulate(2560)
    v_events, v_padding, v_late = simulate(640)
    centre, spread = late.mean(), late.std()
    late, v_late = (late - centre) / spread, (v_late - centre) / spread
    model = EventTransformer()
    epochs = 12
    steps = epochs * (len(events) // 64)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=0.01)
    warmup = torch.optim.lr_scheduler.LinearLR(optimizer, 0.05, total_iters=60)
    decay = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps - 60)
    scheduler = torch.optim.lr_scheduler.SequentialLR(optimizer, [warmup, decay], milestones=[60])
    loss_fn = nn.MSELoss()
    for epoch in range(1, epochs + 1):
        model.train()
        total = 0.0
        for idx in torch.randperm(len(events)).split(64):
            loss = loss_fn(model(events[idx], padding[idx]), late[idx])
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            scheduler.step()
            total += loss.item() * len(idx) / len(events)
        model.eval()
        with torch.no_grad():
            val = loss_fn(model(v_events, v_padding), v_late).item()
        print(f"epoch {epoch:2d} train {total:.4f} val loss {val:.4f}")
    print(f"final: val loss {val:.4f} (noise alone {(0.1 / spread) ** 2:.4f})")


if __name__ == "__main__":
    main()
