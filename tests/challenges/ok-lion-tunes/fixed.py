import torch
import torch.nn.functional as F


class Lion(torch.optim.Optimizer):
    def __init__(self, params, lr=1e-3, betas=(0.9, 0.99), weight_decay=0.0):
        super().__init__(params, dict(lr=lr, betas=betas, weight_decay=weight_decay))

    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            b1, b2 = group["betas"]
            for p in group["params"]:
                if p.grad is None:
                    continue
                m = self.state[p].setdefault("m", torch.zeros_like(p))
                p.mul_(1 - group["lr"] * group["weight_decay"])
                p.add_((m * b1 + p.grad * (1 - b1)).sign(), alpha=-group["lr"])
                m.mul_(b2).add_(p.grad, alpha=1 - b2)


torch.manual_seed(16)
NOTES, BARS = 12, 32

# a tune is a walk over the notes: each note goes on to a few others, and every eighth is any note at all
table = torch.softmax(3.0 * torch.randn(NOTES, NOTES), 1)


def tunes(n):
    key = torch.randint(0, NOTES, (n,))
    notes = [key]
    for t in range(1, BARS + 1):
        nxt = torch.multinomial(table[notes[-1]], 1).squeeze(1)
        notes.append(torch.randint(0, NOTES, (n,)) if t % 8 == 0 else nxt)
    return torch.stack(notes, 1)


class Composer(torch.nn.Module):
    def __init__(self, width=48):
        super().__init__()
        self.embedding = torch.nn.Embedding(NOTES, 16)
        self.gru = torch.nn.GRU(16, width, batch_first=True)
        self.logits = torch.nn.Linear(width, NOTES)

    def forward(self, notes):
        return self.logits(self.gru(self.embedding(notes))[0])

    def loss(self, tune):
        return F.cross_entropy(self(tune[:, :-1]).flatten(0, 1), tune[:, 1:].flatten())


train, val = tunes(2000), tunes(500)
model = Composer()
epochs = 16
optimizer = Lion(model.parameters(), lr=1.5e-3, weight_decay=0.1)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
for epoch in range(epochs):
    train_loss = 0.0
    for tune in train[torch.randperm(len(train))].split(40):
        loss = model.loss(tune)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        train_loss += loss.item() / 50
    scheduler.step()
    with torch.no_grad():
        val_loss = model.loss(val).item()
        hits = (model(val[:, :-1]).argmax(2) == val[:, 1:]).float().mean().item()
    print(f"epoch {epoch + 1} train loss {train_loss:.4f} val loss {val_loss:.4f} notes right {hits:.3f}")
print(f"final: val loss {val_loss:.4f} notes right {hits:.3f}")
