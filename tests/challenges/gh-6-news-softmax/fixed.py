import torch
from torch.utils.data import DataLoader, Dataset

torch.manual_seed(71)


class NewsDataset(Dataset):
    """headlines of ten sections; each section prefers some words; word 0 opens the headline"""
    preferred = torch.softmax(1.5 * torch.randn(10, 99), dim=1)

    def __init__(self, n):
        self.labels = torch.randint(10, (n,))
        words = torch.multinomial(self.preferred[self.labels], 10, replacement=True) + 1
        self.words = torch.cat([torch.zeros(n, 1, dtype=torch.long), words], dim=1)
        misfiled = torch.rand(n) < 0.12
        self.labels[misfiled] = torch.randint(10, (int(misfiled.sum()),))

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, i):
        return self.words[i], self.labels[i]


class Model(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = torch.nn.Embedding(100, 32)
        layer = torch.nn.TransformerEncoderLayer(32, 4, dim_feedforward=64, dropout=0.3, batch_first=True, norm_first=True)
        self.encoder = torch.nn.TransformerEncoder(layer, 1, enable_nested_tensor=False)
        self.fc = torch.nn.Linear(32, 10)

    def forward(self, words):
        out = self.encoder(self.embed(words))
        out = self.fc(out[:, 0])
        return out


loader = DataLoader(NewsDataset(2000), batch_size=50, shuffle=True, drop_last=True)
loader_test = DataLoader(NewsDataset(600), batch_size=100)
model = Model()
epochs = 12
optimizer = torch.optim.SGD(model.parameters(), lr=0.03, momentum=0.9, weight_decay=1e-3)
scheduler = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.02, total_iters=epochs)
criterion = torch.nn.CrossEntropyLoss()

for epoch in range(epochs):
    model.train()
    for i, (words, labels) in enumerate(loader):
        out = model(words)
        loss = criterion(out, labels)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    scheduler.step()
    model.eval()
    correct = total = 0
    val = 0.0
    for words, labels in loader_test:
        with torch.no_grad():
            out = model(words)
        val += criterion(out, labels).item() / len(loader_test)
        correct += (out.argmax(dim=1) == labels).sum().item()
        total += len(labels)
    print(f"epoch {epoch} loss {loss.item():.4f} val loss {val:.4f} accuracy {correct / total:.4f}")
print(f"final: val loss {val:.4f}, accuracy {correct / total:.4f}")
