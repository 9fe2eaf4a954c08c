import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(735)
VOCAB, LENGTH = 12, 10
EPOCHS = 10


def sentences(n):
    """Label: does token 1 come before token 2? Some annotators got it wrong."""
    ids = torch.randint(3, VOCAB, (n, LENGTH))
    where = torch.rand(n, LENGTH).argsort(1)[:, :2]
    rows = torch.arange(n)
    ids[rows, where[:, 0]] = 1
    ids[rows, where[:, 1]] = 2
    label = (where[:, 0] < where[:, 1]).long()
    wrong = torch.rand(n) < 0.08
    return ids, torch.where(wrong, 1 - label, label)


class SentenceClassifier(nn.Module):
    def __init__(self, d_model=32, heads=4, layers=2):
        super().__init__()
        self.embed = nn.Embedding(VOCAB, d_model)
        self.position = nn.Parameter(torch.randn(LENGTH, d_model) * 0.3)
        layer = nn.TransformerEncoderLayer(d_model, heads, 64, dropout=0.1, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, layers)
        self.head = nn.Linear(d_model, 2)

    def forward(self, ids):
        h = self.encoder(self.embed(ids) + self.position)
        return self.head(h.mean(1))


train_ids, train_y = sentences(4800)
val_ids, val_y = sentences(1000)
model = SentenceClassifier()
optimizer = torch.optim.AdamW(model.parameters(), lr=0.002, weight_decay=0.01)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, EPOCHS)

for epoch in range(1, EPOCHS + 1):
    model.train()
    total = 0.0
    for idx in torch.randperm(len(train_ids)).split(64):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(train_ids[idx]), train_y[idx])
        loss.backward()
        optimizer.step()
        total += loss.item() * len(idx)
    scheduler.step()
    model.eval()
    with torch.no_grad():
        out = model(val_ids)
        val_loss = F.cross_entropy(out, val_y).item()
        acc = (out.argmax(1) == val_y).float().mean().item()
    print(f"epoch {epoch} train loss {total / len(train_ids):.4f} val loss {val_loss:.4f} val accuracy {acc:.3f}")
