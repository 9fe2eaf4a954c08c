import torch
import torch.nn as nn

torch.manual_seed(26)
TAGS, STEPS = 8, 18
motifs = torch.randn(TAGS, 5, 3)


def clips(n):
    """three-channel clips; any of eight motifs may occur in them, each in about one clip of seven"""
    tags = (torch.rand(n, TAGS) < 0.15).float()
    x = 0.5 * torch.randn(n, STEPS, 3)
    for k in range(TAGS):
        start = torch.randint(STEPS - 5, (n,))
        for j in range(5):
            x[torch.arange(n), start + j] += tags[:, k, None] * motifs[k, j]
    flipped = torch.rand(n, TAGS) < 0.02
    return x, torch.where(flipped, 1 - tags, tags)


class ClipTagger(nn.Module):
    def __init__(self, hidden=32):
        super().__init__()
        self.gru = nn.GRU(3, hidden, batch_first=True, bidirectional=True)
        self.out = nn.Linear(2 * hidden, TAGS)

    def forward(self, x):
        states, _ = self.gru(x)
        return self.out(states.amax(1))


def train(model, data, optimizer, loss_fn):
    model.train()
    x, y = data
    total = 0.0
    for idx in torch.randperm(len(x)).split(50):
        optimizer.zero_grad()
        loss = loss_fn(model(x[idx]), y[idx])
        loss.backward()
        optimizer.step()
        total += loss.item() * len(idx) / len(x)
    return total


def evaluate(model, data, loss_fn, cut=0.0):
    model.eval()
    with torch.no_grad():
        out = model(data[0])
    named = out > cut
    both = (named & (data[1] > 0.5)).sum().item()
    f1 = 2 * both / max(1, named.sum().item() + data[1].sum().item())
    return loss_fn(out, data[1]).item(), f1


train_data, val_data = clips(2000), clips(600)
model = ClipTagger()
epochs = 14
optimizer = torch.optim.Adam(model.parameters(), lr=8e-3)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
loss_fn = nn.BCEWithLogitsLoss()
for epoch in range(1, epochs + 1):
    train_loss = train(model, train_data, optimizer, loss_fn)
    val_loss, f1 = evaluate(model, val_data, loss_fn)
    scheduler.step()
    print(f"epoch {epoch}: train loss {train_loss:.4f}  val loss {val_loss:.4f}  val F1 {f1:.3f}")
print(f"final: val loss {val_loss:.4f}, val F1 {f1:.3f}")
