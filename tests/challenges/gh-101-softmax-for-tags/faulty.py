"""Which allergens are in the dish? (multi-label, from its list of ingredients)"""
import torch
import torch.nn as nn

INGREDIENTS, ALLERGENS = 50, 6


class DishDataset(torch.utils.data.Dataset):
    def __init__(self, n, contains):
        self.x = (torch.rand(n, INGREDIENTS) < 0.12).float()
        score = self.x @ contains
        self.y = (score + 0.4 * torch.randn(n, ALLERGENS) > 0.8).float()

    def __len__(self):
        return len(self.x)

    def __getitem__(self, i):
        return (self.x[i] - 0.12) / 0.325, self.y[i]


class MultiLabelMLP(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden = nn.Linear(INGREDIENTS, 32)
        self.norm = nn.LayerNorm(32)
        self.act = nn.SiLU()
        self.drop = nn.Dropout(0.1)
        self.classifier = nn.Linear(32, ALLERGENS)

    def forward(self, x):
        return self.classifier(self.drop(self.act(self.norm(self.hidden(x)))))


def main():
    torch.manual_seed(39)
    contains = torch.randn(INGREDIENTS, ALLERGENS) * 0.6
    train_loader = torch.utils.data.DataLoader(DishDataset(2000, contains), batch_size=40, shuffle=True)
    val_loader = torch.utils.data.DataLoader(DishDataset(800, contains), batch_size=800)
    model = MultiLabelMLP()
    criterion = nn.CrossEntropyLoss()
    epochs = 14
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=0.05)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
    for epoch in range(epochs):
        model.train()
        for x, y in train_loader:
            optimizer.zero_grad()
            loss = criterion(model(x), y)
            loss.backward()
            optimizer.step()
        scheduler.step()
        model.eval()
        with torch.no_grad():
            x, y = next(iter(val_loader))
            logits = model(x)
            val_loss = criterion(logits, y).item()
        found = (torch.sigmoid(logits) > 0.5).float()
        right = (found == y).float().mean().item()
        print(f"epoch {epoch + 1} | loss {loss.item():.4f} | val loss {val_loss:.4f} | labels right {right:.4f}")
    print(f"final: val loss {val_loss:.4f}, labels right {right:.4f}")


if __name__ == "__main__":
    main()
