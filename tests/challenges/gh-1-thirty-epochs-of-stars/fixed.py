import argparse

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

WORDS, LENGTH, STARS = 120, 14, 4


def reviews(n, tone, g):
    """every word leans to some star; readers give neighbouring stars now and then"""
    star = torch.randint(0, STARS, (n,), generator=g)
    common = torch.randint(0, WORDS, (n, LENGTH), generator=g)
    chosen = torch.multinomial(tone[star], LENGTH, replacement=True, generator=g)
    text = torch.where(torch.rand(n, LENGTH, generator=g) < 0.35, chosen, common)
    slip = torch.rand(n, generator=g) < 0.15
    given = torch.where(slip, torch.randint(0, STARS, (n,), generator=g), star)
    return TensorDataset(text, given)


class StarModel(nn.Module):
    def __init__(self, width=48, heads=4):
        super().__init__()
        self.embed = nn.Embedding(WORDS, width)
        self.position = nn.Parameter(0.02 * torch.randn(LENGTH, width))
        layer = nn.TransformerEncoderLayer(width, heads, 96, dropout=0.1, batch_first=True, norm_first=True)
        self.encoder = nn.TransformerEncoder(layer, 1, enable_nested_tensor=False)
        self.head = nn.Linear(width, STARS)

    def forward(self, text):
        return self.head(self.encoder(self.embed(text) + self.position).mean(1))


@torch.no_grad()
def score(model, data):
    model.eval()
    text, star = data.tensors
    out = model(text)
    return nn.functional.cross_entropy(out, star).item(), (out.argmax(1) == star).float().mean().item()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--lr", type=float, default=2e-3)
    parser.add_argument("--seed", type=int, default=12)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    g = torch.Generator().manual_seed(12)
    tone = torch.rand(STARS, WORDS, generator=g) ** 6
    train, val = reviews(1300, tone, g), reviews(600, tone, g)
    model = StarModel()
    loader = DataLoader(train, batch_size=32, shuffle=True)
    optimizer = torch.optim.AdamW(model.parameters(), lr=args.lr, weight_decay=0.01)
    total = args.epochs * len(loader)
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda s: min((s + 1) / (0.1 * total), (total - s) / (0.9 * total)))
    for epoch in range(args.epochs):
        model.train()
        train_loss = 0.0
        for text, star in loader:
            loss = nn.functional.cross_entropy(model(text), star)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            scheduler.step()
            train_loss += loss.item() / len(loader)
        val_loss, accuracy = score(model, val)
        print(f"epoch={epoch + 1} train_loss={train_loss:.4f} val loss {val_loss:.4f} val_acc={accuracy:.3f}")
    print(f"final: val loss {val_loss:.4f}, val accuracy {accuracy:.3f}")


main()
