import math
import torch
import torch.nn as nn


def swell(n, g):
    """Twenty waves seen by a buoy (height, period, direction), some lost by the radio; target: mean direction weighted by energy."""
    h = torch.rand(n, 20, generator=g) * 2 + 0.2
    main = torch.rand(n, 1, generator=g) * 2 * math.pi
    other = torch.rand(n, 1, generator=g) * 2 * math.pi
    which = torch.rand(n, 20, generator=g) < 0.6
    angle = torch.where(which, main, other) + 0.3 * torch.randn(n, 20, generator=g)
    period = torch.where(which, 9.0, 5.0) + torch.randn(n, 20, generator=g)
    lost = torch.rand(n, 20, generator=g) < 0.2
    energy = (h ** 2).masked_fill(lost, 0)
    target = torch.stack([(energy * angle.cos()).sum(1), (energy * angle.sin()).sum(1)], 1) / energy.sum(1, keepdim=True)
    target = target + 0.05 * torch.randn(n, 2, generator=g)
    x = torch.stack([h - 1.2, (period - 7) / 2.5, angle.cos(), angle.sin()], -1)
    return x.masked_fill(lost[..., None], 0), lost, target


class SwellTransformer(nn.Module):
    def __init__(self, d=32):
        super().__init__()
        self.embed = nn.Linear(4, d)
        self.cls = nn.Parameter(torch.zeros(1, 1, d))
        layer = nn.TransformerEncoderLayer(d, 4, 64, dropout=0.0, activation="gelu", batch_first=True, norm_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2, norm=nn.LayerNorm(d), enable_nested_tensor=False)
        self.out = nn.Linear(d, 2)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def forward(self, x, lost):
        h = torch.cat([self.cls.expand(len(x), -1, -1), self.embed(x)], 1)
        mask = torch.cat([torch.zeros(len(x), 1, dtype=torch.bool), lost], 1)
        return self.out(self.encoder(h, src_key_padding_mask=mask)[:, 0])


def main():
    epochs = 10
    torch.manual_seed(4)
    g = torch.Generator().manual_seed(40)
    x, lost, y = swell(3000, g)
    xv, lostv, yv = swell(1000, g)
    model = SwellTransformer()
    opt = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=0.02)
    total, warm = epochs * 60, 60
    sched = torch.optim.lr_scheduler.LambdaLR(opt, lambda s: min(1, (s + 1) / warm) * 0.5 * (1 + math.cos(math.pi * min(1, s / total))))
    for epoch in range(epochs):
        model.train()
        running = 0.0
        for b in torch.randperm(3000).split(50):
            loss = nn.functional.mse_loss(model(x[b], lost[b]), y[b])
            opt.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            opt.step()
            sched.step()
            running += loss.item() / 60
        model.eval()
        with torch.no_grad():
            out = model(xv, lostv)
            val = nn.functional.mse_loss(out, yv).item()
            cosine = nn.functional.cosine_similarity(out, yv).mean().item()
        print(f"epoch {epoch} train loss {running:.5f} val loss {val:.5f} cosine {cosine:.4f}")


main()
