import torch
import torch.nn as nn
from torch.utils.data import DataLoader, Dataset

torch.manual_seed(28)
PAD, CLS, WORDS, LONGEST = 0, 1, 42, 18


class Remarks(Dataset):
    """short remarks of five to seventeen words: words 2-9 praise, 10-17 complain; which of them are more?"""

    def __init__(self, n):
        length = torch.randint(5, LONGEST - 1, (n,))
        words = torch.randint(18, WORDS, (n, LONGEST))
        mood = torch.randint(2, 18, (n, LONGEST))
        words = torch.where(torch.rand(n, LONGEST) < 0.5, mood, words)
        words[torch.arange(LONGEST) >= length[:, None]] = PAD
        balance = ((words >= 2) & (words < 10)).sum(1) - ((words >= 10) & (words < 18)).sum(1)
        label = 1 + balance.sign()
        slip = torch.rand(n) < 0.06
        self.label = torch.where(slip, torch.randint(3, (n,)), label)
        self.words = torch.cat([torch.full((n, 1), CLS), words], 1)

    def __len__(self):
        return len(self.label)

    def __getitem__(self, i):
        return self.words[i], self.label[i]


class Block(nn.Module):
    def __init__(self, dim, heads):
        super().__init__()
        self.attention = nn.MultiheadAttention(dim, heads, batch_first=True)
        self.norm1, self.norm2 = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.mlp = nn.Sequential(nn.Linear(dim, 2 * dim), nn.GELU(), nn.Linear(2 * dim, dim))

    def forward(self, x, mask):
        h = self.norm1(x)
        x = x + self.attention(h, h, h, key_padding_mask=mask, need_weights=False)[0]
        return x + self.mlp(self.norm2(x))


class RemarkClassifier(nn.Module):
    def __init__(self, dim=32, heads=4, depth=2):
        super().__init__()
        self.embed = nn.Embedding(WORDS, dim, padding_idx=PAD)
        self.position = nn.Parameter(0.02 * torch.randn(LONGEST + 1, dim))
        self.blocks = nn.ModuleList(Block(dim, heads) for _ in range(depth))
        self.head = nn.Sequential(nn.LayerNorm(dim), nn.Linear(dim, 3))

    def forward(self, words):
        mask = words == PAD
        x = self.embed(words) + self.position
        for block in self.blocks:
            x = block(x, mask)
        return self.head(x[:, 0])


epochs = 12
train = DataLoader(Remarks(2400), batch_size=96, shuffle=True)
val = DataLoader(Remarks(600), batch_size=300)
model = RemarkClassifier()
optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=0.05)
scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, epochs=epochs, steps_per_epoch=len(train))
criterion = nn.CrossEntropyLoss()
for epoch in range(epochs):
    model.train()
    train_loss = 0.0
    for words, label in train:
        loss = criterion(model(words), label)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        scheduler.step()
        train_loss += loss.item() / len(train)
    model.eval()
    val_loss = right = 0.0
    with torch.no_grad():
        for words, label in val:
            scores = model(words)
            val_loss += criterion(scores, label).item() / len(val)
            right += (scores.argmax(1) == label).float().mean().item() / len(val)
    print(f"epoch {epoch + 1}: train loss {train_loss:.4f} val loss {val_loss:.4f} val accuracy {right:.4f}")
print(f"final: val loss {val_loss:.4f}, val accuracy {right:.4f}")
