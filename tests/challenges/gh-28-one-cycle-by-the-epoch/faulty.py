import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(40)
WORDS, LENGTH = 60, 14


def sentences(n):
    """the sentence is ironic when the word after the first negation (words 0 to 4) is a strong one (words 5 to 19)"""
    x = torch.randint(20, WORDS, (n, LENGTH))
    place = torch.randint(0, LENGTH - 1, (n, 1))
    x.scatter_(1, place, torch.randint(0, 5, (n, 1)))
    strong = torch.rand(n, 1) < 0.5
    x.scatter_(1, place + 1, torch.where(strong, torch.randint(5, 20, (n, 1)), torch.randint(20, WORDS, (n, 1))))
    y = strong.squeeze(1)
    return x, torch.where(torch.rand(n) < 0.12, ~y, y).long()


class Irony(nn.Module):
    def __init__(self, dim=32):
        super().__init__()
        self.tok = nn.Embedding(WORDS, dim)
        self.pos = nn.Embedding(LENGTH, dim)
        self.enc = nn.TransformerEncoder(nn.TransformerEncoderLayer(dim, 2, 64, dropout=0.1, batch_first=True), 2)
        self.out = nn.Linear(dim, 2)

    def forward(self, x):
        h = self.tok(x) + self.pos(torch.arange(x.size(1)))
        return self.out(self.enc(h).mean(1))


def train_model(model, loader, x_val, y_val, epochs=16, max_lr=0.2):
    opt = torch.optim.SGD(model.parameters(), lr=max_lr, momentum=0.9, weight_decay=1e-3)
    sched = torch.optim.lr_scheduler.OneCycleLR(opt, max_lr, epochs=epochs, steps_per_epoch=len(loader))
    ce = nn.CrossEntropyLoss()
    for epoch in range(1, epochs + 1):
        model.train()
        for xb, yb in loader:
            loss = ce(model(xb), yb)
            opt.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            opt.step()
        sched.step()
        model.eval()
        with torch.no_grad():
            logits = model(x_val)
            v = ce(logits, y_val).item()
            a = (logits.argmax(1) == y_val).float().mean().item()
        print(f"epoch {epoch} loss {loss.item():.4f} val loss {v:.4f} acc {a:.3f} lr {opt.param_groups[0]['lr']:.5f}")
    return v, a


loader = DataLoader(TensorDataset(*sentences(2000)), batch_size=50, shuffle=True)
v, a = train_model(Irony(), loader, *sentences(800))
print(f"final: val loss {v:.4f}, accuracy {a:.3f}")
