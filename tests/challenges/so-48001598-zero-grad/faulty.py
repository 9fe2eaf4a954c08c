import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset


class KeywordSpotter(nn.Module):
    def __init__(self, bands=6, hidden=24, words=5):
        super().__init__()
        self.lstm = nn.LSTM(bands, hidden, batch_first=True)
        self.classifier = nn.Linear(hidden, words)

    def forward(self, frames):
        states, _ = self.lstm(frames)
        return self.classifier(states[:, -1])


class Executor:
    def __init__(self, model, optimizer, clip=5.0):
        self.model, self.optimizer, self.clip = model, optimizer, clip

    def train(self, loader):
        self.model.train()
        total, frames = 0.0, 0
        for feats, target in loader:
            loss = F.cross_entropy(self.model(feats), target)
            loss.backward()
            nn.utils.clip_grad_norm_(self.model.parameters(), self.clip)
            self.optimizer.step()
            total += loss.item() * len(target)
            frames += len(target)
        return total / frames

    def cv(self, loader):
        self.model.eval()
        total, right, n = 0.0, 0, 0
        with torch.no_grad():
            for feats, target in loader:
                logits = self.model(feats)
                total += F.cross_entropy(logits, target, reduction="sum").item()
                right += (logits.argmax(1) == target).sum().item()
                n += len(target)
        return total / n, right / n


def utterances(n, prototypes):
    word = torch.randint(0, len(prototypes), (n,))
    frames = prototypes[word] + 1.5 * torch.randn(n, *prototypes.shape[1:])
    wrong = torch.rand(n) < 0.1
    word[wrong] = torch.randint(0, len(prototypes), (int(wrong.sum()),))
    return TensorDataset(frames / 1.8, word)


if __name__ == "__main__":
    torch.manual_seed(44)
    epochs = 12
    prototypes = torch.randn(5, 12, 6)
    train_loader = DataLoader(utterances(3000, prototypes), batch_size=32, shuffle=True)
    cv_loader = DataLoader(utterances(1000, prototypes), batch_size=200)
    model = KeywordSpotter()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, weight_decay=1e-3)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
    executor = Executor(model, optimizer)
    for epoch in range(epochs):
        loss = executor.train(train_loader)
        cv_loss, cv_acc = executor.cv(cv_loader)
        scheduler.step()
        print(f"epoch {epoch + 1}: loss {loss:.4f}, val loss {cv_loss:.4f}, val accuracy {cv_acc:.4f}")
    print(f"final: val loss {cv_loss:.4f}, val accuracy {cv_acc:.4f}")
