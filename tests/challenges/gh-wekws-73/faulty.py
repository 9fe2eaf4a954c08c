import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset

FRAMES, MELS, KEYWORDS = 40, 20, 6


def utterances(n, templates):
    """log-mel features of one keyword each, spoken at some offset in background noise"""
    labels = torch.randint(0, KEYWORDS, (n,))
    feats = torch.randn(n, FRAMES, MELS)
    for i, k in enumerate(labels.tolist()):
        word = templates[k]
        start = int(torch.randint(0, FRAMES - len(word) + 1, (1,)))
        feats[i, start:start + len(word)] += word * (0.5 + 0.7 * torch.rand(1))
    return feats, labels


class KWSModel(nn.Module):
    def __init__(self, hdim=32):
        super().__init__()
        self.preprocessing = nn.Sequential(nn.Linear(MELS, hdim), nn.ReLU())
        self.backbone = nn.Sequential(
            nn.Conv1d(hdim, hdim, 5, padding=2), nn.BatchNorm1d(hdim), nn.ReLU(),
            nn.Conv1d(hdim, hdim, 5, padding=4, dilation=2), nn.BatchNorm1d(hdim), nn.ReLU(),
        )
        self.dropout = nn.Dropout(0.3)
        self.classifier = nn.Linear(hdim, KEYWORDS)

    def forward(self, feats):
        h = self.preprocessing(feats).transpose(1, 2)
        h = self.backbone(h).amax(2)
        return self.classifier(self.dropout(h))


class Executor:
    def __init__(self, model, optimizer):
        self.model, self.optimizer = model, optimizer
        self.criterion = nn.CrossEntropyLoss()

    def train(self, loader):
        self.model.train()
        total = 0.0
        for feats, target in loader:
            loss = self.criterion(self.model(feats), target)
            loss.backward()
            self.optimizer.step()
            total += loss.item() * len(target)
        return total / len(loader.dataset)

    def cv(self, loader):
        self.model.eval()
        total = hits = 0.0
        with torch.no_grad():
            for feats, target in loader:
                logits = self.model(feats)
                total += self.criterion(logits, target).item() * len(target)
                hits += (logits.argmax(1) == target).sum().item()
        return total / len(loader.dataset), hits / len(loader.dataset)


def main():
    torch.manual_seed(777)
    epochs = 20
    templates = torch.randn(KEYWORDS, 12, MELS) * 0.55
    train_loader = DataLoader(TensorDataset(*utterances(3000, templates)), batch_size=50, shuffle=True)
    cv_loader = DataLoader(TensorDataset(*utterances(600, templates)), batch_size=200)
    model = KWSModel()
    executor = Executor(model, torch.optim.SGD(model.parameters(), lr=0.03, momentum=0.9, weight_decay=1e-3))
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(executor.optimizer, epochs)
    for epoch in range(epochs):
        train_loss = executor.train(train_loader)
        scheduler.step()
        cv_loss, cv_acc = executor.cv(cv_loader)
        print(f"epoch {epoch} train loss {train_loss:.4f} val loss {cv_loss:.4f} val acc {cv_acc:.4f}")


main()
