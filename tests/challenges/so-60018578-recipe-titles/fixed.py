import math
import torch
import torch.nn as nn

torch.manual_seed(9)
VOCAB, LENGTH, CUISINES = 60, 10, 5
EPOCHS = 12


def titles(n, words):
    """Titles of recipes as word numbers: three words are typical of the cuisine, the others are anybody's."""
    y = torch.randint(CUISINES, (n,))
    x = torch.randint(VOCAB, (n, LENGTH))
    for i in range(n):
        slots = torch.randperm(LENGTH)[:3]
        x[i, slots] = words[y[i]][torch.randint(8, (3,))]
    return x, y


class TitleTransformer(nn.Module):
    def __init__(self, dim=32, heads=4, dropout=0.4):
        super().__init__()
        self.embed = nn.Embedding(VOCAB, dim)
        self.position = nn.Parameter(0.02 * torch.randn(1, LENGTH, dim))
        layer = nn.TransformerEncoderLayer(dim, heads, 64, dropout, batch_first=True, norm_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.drop = nn.Dropout(dropout)
        self.out = nn.Linear(dim, CUISINES)

    def forward(self, x):
        h = self.drop(self.embed(x) * math.sqrt(32) / 4 + self.position)
        return self.out(self.drop(self.encoder(h).mean(1)))


def train_one_epoch(model, x, y, optimizer, criterion):
    model.train()
    total = 0.0
    for idx in torch.randperm(len(x)).split(50):
        loss = criterion(model(x[idx]), y[idx])
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(idx)
    return total / len(x)


@torch.no_grad()
def validate(model, x, y, criterion):
    model.eval()
    logits = torch.cat([model(part) for part in x.split(200)])
    return criterion(logits, y).item(), (logits.argmax(1) == y).float().mean().item()


words = torch.stack([torch.randperm(VOCAB)[:8] for _ in range(CUISINES)])
x_train, y_train = titles(2000, words)
x_val, y_val = titles(1000, words)
model = TitleTransformer()
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=0.02)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, EPOCHS)
for epoch in range(1, EPOCHS + 1):
    train_loss = train_one_epoch(model, x_train, y_train, optimizer, criterion)
    scheduler.step()
    val_loss, val_acc = validate(model, x_val, y_val, criterion)
    print(f"epoch {epoch} train loss {train_loss:.4f} val loss {val_loss:.4f} val accuracy {val_acc:.3f}")
