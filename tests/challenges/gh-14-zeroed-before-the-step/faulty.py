import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, Dataset


class Cells(Dataset):
    """grey pictures with one to three round cells, and where they are"""

    def __init__(self, n, seed, side=20):
        g = torch.Generator().manual_seed(seed)
        grid = torch.arange(side).float()
        self.mask = torch.zeros(n, 1, side, side)
        for k in range(n):
            for _ in range(int(torch.randint(1, 4, (1,), generator=g))):
                cy, cx = (torch.rand(2, generator=g) * side).tolist()
                r = 2 + 3 * torch.rand(1, generator=g).item()
                self.mask[k, 0][(grid[:, None] - cy) ** 2 + (grid[None] - cx) ** 2 < r * r] = 1
        self.image = self.mask + 1.3 * torch.randn(self.mask.shape, generator=g)

    def __len__(self):
        return len(self.image)

    def __getitem__(self, i):
        return self.image[i], self.mask[i]


class EncoderDecoder(nn.Module):
    def __init__(self, c=12):
        super().__init__()
        self.down1 = nn.Conv2d(1, c, 3, padding=1)
        self.down2 = nn.Conv2d(c, 2 * c, 3, stride=2, padding=1)
        self.mid = nn.Conv2d(2 * c, 2 * c, 3, padding=1)
        self.up = nn.ConvTranspose2d(2 * c, c, 2, stride=2)
        self.out = nn.Conv2d(2 * c, 1, 1)

    def forward(self, x):
        a = F.relu(self.down1(x))
        b = F.relu(self.mid(F.relu(self.down2(a))))
        return self.out(torch.cat([a, F.relu(self.up(b))], dim=1))


def iou(logits, mask):
    hit = (logits > 0) & (mask > 0)
    either = (logits > 0) | (mask > 0)
    return (hit.sum() / either.sum()).item()


def main(epochs=18):
    torch.manual_seed(61)
    train_loader = DataLoader(Cells(400, seed=61), batch_size=20, shuffle=True)
    val_loader = DataLoader(Cells(150, seed=62), batch_size=150)
    model = EncoderDecoder()
    optimizer = torch.optim.Adam(model.parameters(), lr=4e-3)
    scheduler = torch.optim.lr_scheduler.PolynomialLR(optimizer, epochs, power=0.9)
    for epoch in range(epochs):
        model.train()
        total = 0.0
        for image, mask in train_loader:
            loss = F.binary_cross_entropy_with_logits(model(image), mask)
            loss.backward()
            optimizer.zero_grad()
            optimizer.step()
            total += loss.item()
        scheduler.step()
        model.eval()
        with torch.no_grad():
            for image, mask in val_loader:
                logits = model(image)
                val_loss = F.binary_cross_entropy_with_logits(logits, mask).item()
                score = iou(logits, mask)
        print(f"epoch {epoch + 1} train loss {total / len(train_loader):.4f} val loss {val_loss:.4f} iou {score:.3f}")
    print(f"final: val loss {val_loss:.4f}, iou {score:.3f}")


if __name__ == "__main__":
    main()
