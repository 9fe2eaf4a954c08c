import time
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(40)


def scene_rows(n, width=48, levels=8):
    """a row of the left and of the right image; the label is the shift between them"""
    texture = torch.randn(n, width + levels)
    texture = F.avg_pool1d(texture.unsqueeze(1), 3, stride=1, padding=1).squeeze(1) * 1.7
    shift = torch.randint(0, levels, (n,))
    cols = torch.arange(width)
    left = texture[:, :width]
    right = texture.gather(1, cols + shift[:, None])
    pair = torch.stack([left, right], 1) + 0.9 * torch.randn(n, 2, width)
    return TensorDataset(pair, shift)


class Disparity(nn.Module):
    def __init__(self, levels=8, c=16):
        super().__init__()
        self.levels = levels
        self.tower = nn.Sequential(nn.Conv1d(1, c, 5, padding=2), nn.BatchNorm1d(c), nn.ReLU(), nn.Conv1d(c, c, 5, padding=2))
        self.scale = nn.Parameter(torch.tensor(1.0))

    def forward(self, pair):
        left, right = self.tower(pair[:, :1]), self.tower(pair[:, 1:])
        w = left.size(2) - self.levels
        cost = [(left[:, :, k:k + w] * right[:, :, :w]).mean((1, 2)) for k in range(self.levels)]
        return self.scale * torch.stack(cost, 1)


train_img_loader = DataLoader(scene_rows(3000), batch_size=50, shuffle=True)
test_img_loader = DataLoader(scene_rows(900), batch_size=100)
model = Disparity()
optimizer = torch.optim.Adam(model.parameters(), lr=4e-3)
scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=1, gamma=0.7)
spent = {"train": 0.0, "test": 0.0}


def train(pair, shift):
    start = time.process_time()
    model.train()
    optimizer.zero_grad()
    loss = F.cross_entropy(model(pair), shift)
    loss.backward()
    optimizer.step()
    spent["train"] += time.process_time() - start
    return loss.item()


def test(loader):
    start = time.process_time()
    model.eval()
    loss = wrong = n = 0
    with torch.no_grad():
        for pair, shift in loader:
            out = model(pair)
            loss += F.cross_entropy(out, shift, reduction="sum").item()
            wrong += (out.argmax(1) != shift).sum().item()
            n += len(shift)
    spent["test"] += time.process_time() - start
    return loss / n, wrong / n


epochs = 8
for epoch in range(epochs):
    total = 0.0
    for pair, shift in train_img_loader:
        total += train(pair, shift)
    scheduler.step()
    test_loss, error = test(test_img_loader)
    print(f"epoch {epoch} train loss {total / len(train_img_loader):.4f} val loss {test_loss:.4f} error {error:.4f} "
          f"seconds training {spent['train']:.1f} testing {spent['test']:.1f}")
