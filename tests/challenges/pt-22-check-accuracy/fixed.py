"""Yes-or-no questions about small scenes, CLEVR style: scene features and a question go into one classifier."""
import numpy as np
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(9)
COLOURS, SHAPES, CELLS = 5, 4, 9


def scenes_and_questions(n, seed):
    """nine cells with at most one object each; the question asks for a colour and a shape: is there such an object?"""
    rng = np.random.default_rng(seed)
    colour = rng.integers(0, COLOURS, (n, CELLS))
    shape = rng.integers(0, SHAPES, (n, CELLS))
    there = rng.random((n, CELLS)) < 0.45
    asked = np.stack([rng.integers(0, COLOURS, n), rng.integers(0, SHAPES, n)], 1)
    answer = (there & (colour == asked[:, :1]) & (shape == asked[:, 1:])).any(1)
    plant = (rng.random(n) < 0.45) & ~answer
    cell = rng.integers(0, CELLS, n)[plant]
    colour[plant, cell], shape[plant, cell], there[plant, cell] = asked[plant, 0], asked[plant, 1], True
    answer |= plant
    answer ^= rng.random(n) < 0.05
    features = np.concatenate([np.eye(COLOURS)[colour], np.eye(SHAPES)[shape]], -1) * there[..., None]
    mix = np.random.RandomState(1).randn(COLOURS + SHAPES, 12)
    features = features @ mix * 2.0 + 3.0 + rng.normal(0, 0.7, (n, CELLS, 12))
    pictures = torch.tensor(features.transpose(0, 2, 1).reshape(n, 12, 3, 3), dtype=torch.float32)
    return TensorDataset(pictures, torch.tensor(asked), torch.tensor(answer.astype(np.int64)))


def block(inp, out):
    return nn.Sequential(nn.Conv2d(inp, out, 1, bias=False), nn.BatchNorm2d(out), nn.ReLU())


class Answerer(nn.Module):
    def __init__(self, dim=32):
        super().__init__()
        self.stem = block(12, dim)
        self.colour, self.shape = nn.Embedding(COLOURS, dim), nn.Embedding(SHAPES, dim)
        self.joint = nn.Sequential(block(dim, dim), block(dim, dim), block(dim, dim), block(dim, dim))
        self.classifier = nn.Sequential(nn.Linear(dim, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Dropout(0.3), nn.Linear(32, 2))

    def forward(self, picture, question):
        asked = self.colour(question[:, 0]) + self.shape(question[:, 1])
        x = self.stem(picture) * asked[:, :, None, None]
        return self.classifier(self.joint(x).amax(dim=(2, 3)))


def set_mode(mode, *models):
    for m in models:
        if mode == "train":
            m.train()
        elif mode == "eval":
            m.eval()


def check_accuracy(model, loader, loss_fn):
    set_mode("eval", model)
    correct, loss, seen = 0, 0.0, 0
    with torch.no_grad():
        for picture, question, answer in loader:
            scores = model(picture, question)
            correct += (scores.argmax(1) == answer).sum().item()
            loss += loss_fn(scores, answer).item() * len(answer)
            seen += len(answer)
    set_mode("train", model)
    return correct / seen, loss / seen


def main(epochs=14, batch_size=50):
    train_set, val_set = scenes_and_questions(2400, 0), scenes_and_questions(1000, 1)
    train_loader = DataLoader(train_set, batch_size=batch_size, shuffle=True)
    val_loader = DataLoader(val_set, batch_size=500)
    model = Answerer()
    loss_fn = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, weight_decay=3e-3)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
    set_mode("train", model)
    acc, loss = check_accuracy(model, val_loader, loss_fn)
    print(f"before training: val loss {loss:.4f} val accuracy {acc:.3f}")
    for epoch in range(1, epochs + 1):
        total = 0.0
        for picture, question, answer in train_loader:
            optimizer.zero_grad()
            loss = loss_fn(model(picture, question), answer)
            loss.backward()
            optimizer.step()
            total += loss.item()
        scheduler.step()
        val_acc, val_loss = check_accuracy(model, val_loader, loss_fn)
        print(f"epoch {epoch} train loss {total / len(train_loader):.4f} val loss {val_loss:.4f} val accuracy {val_acc:.3f}")


if __name__ == "__main__":
    main()
