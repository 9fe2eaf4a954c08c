import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

GLYPHS = 8


def captchas(n, alphabet, rng):
    """one of eight glyphs of 7x7 pixels somewhere in a noisy picture of 12x12, and what a user typed"""
    which = rng.integers(0, GLYPHS, n)
    pictures = rng.normal(0, 0.45, (n, 1, 12, 12))
    for picture, glyph in zip(pictures, which):
        top, left = rng.integers(0, 6, 2)
        picture[0, top:top + 7, left:left + 7] += alphabet[glyph]
    typed = np.where(rng.random(n) < 0.1, rng.integers(0, GLYPHS, n), which)
    return TensorDataset(torch.tensor(pictures, dtype=torch.float32), torch.tensor(typed))


def build(filters):
    return nn.Sequential(
        nn.Conv2d(1, filters, 3, padding=1), nn.LeakyReLU(0.1), nn.MaxPool2d(2),
        nn.Conv2d(filters, filters, 3, padding=1), nn.LeakyReLU(0.1), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(9 * filters, GLYPHS),
    )


@torch.no_grad()
def evaluate(model, data, criterion):
    model.eval()
    x, y = data.tensors
    out = model(x)
    return criterion(out, y).item(), (out.argmax(1) == y).float().mean().item()


def main(filters=12, epochs=14, seed=6):
    rng = np.random.default_rng(seed)
    torch.manual_seed(seed)
    alphabet = (rng.random((GLYPHS, 7, 7)) < 0.4).astype(float) * 1.2
    train, val = captchas(3000, alphabet, rng), captchas(500, alphabet, rng)
    model = build(filters)
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=8e-3)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
    for epoch in range(epochs):
        model.train()
        losses = []
        for x, y in DataLoader(train, batch_size=75, shuffle=True):
            loss = criterion(model(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        scheduler.step()
        val_loss, accuracy = evaluate(model, val, criterion)
        print(f"epoch {epoch + 1}: train loss {np.mean(losses):.4f}, val loss {val_loss:.4f}, accuracy {accuracy:.3f}")
    train_loss, train_accuracy = evaluate(model, train, criterion)
    print(f"final: train loss {train_loss:.4f}, train accuracy {train_accuracy:.3f}, val loss {val_loss:.4f}, val accuracy {accuracy:.3f}")


main()
