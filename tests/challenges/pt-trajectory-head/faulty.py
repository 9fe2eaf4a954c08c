import math
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

SEED = 3
EPOCHS = 30
STEPS = 6


def drives(n):
    """a car's state and its next positions half a second apart, seen from where it stands"""
    speed = torch.rand(n) * 10 + 2
    yaw_rate = torch.randn(n) * 0.5
    accel = torch.randn(n)
    heading = (torch.rand(n) * 2 - 1) * math.pi
    x, y, angle, v = torch.zeros(n), torch.zeros(n), heading.clone(), speed.clone()
    track = []
    for _ in range(STEPS):
        angle = angle + 0.5 * yaw_rate
        v = (v + 0.5 * accel).clamp(min=0)
        x, y = x + 0.5 * v * torch.cos(angle), y + 0.5 * v * torch.sin(angle)
        track += [x, y]
    state = torch.stack([(speed - 7) / 3, yaw_rate / 0.5, accel, heading / 2], 1)
    return state, torch.stack(track, 1) / 10 + 0.1 * torch.randn(n, 2 * STEPS)


class TrajectoryHead(nn.Module):
    def __init__(self, n_in, n_hidden, n_out):
        super().__init__()
        self.fc1 = nn.Linear(n_in, n_hidden)
        self.fc2 = nn.Linear(n_hidden, n_hidden)
        self.fc3 = nn.Linear(n_hidden, n_out)

    def forward(self, state):
        h = self.fc1(state)
        h = self.fc2(h)
        return self.fc3(h)


def main():
    torch.manual_seed(SEED)
    state, track = drives(7000)
    loader = DataLoader(TensorDataset(state[:6000], track[:6000]), batch_size=120, shuffle=True)
    head = TrajectoryHead(4, 96, 2 * STEPS)
    optimizer = torch.optim.NAdam(head.parameters(), lr=4e-3)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, 8e-3, total_steps=EPOCHS * len(loader))
    criterion = nn.MSELoss()
    for epoch in range(1, EPOCHS + 1):
        head.train()
        running = 0.0
        for s, t in loader:
            loss = criterion(head(s), t)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            scheduler.step()
            running += loss.item() / len(loader)
        head.eval()
        with torch.no_grad():
            out = head(state[6000:])
            val = criterion(out, track[6000:]).item()
            end = 10 * (out[:, -2:] - track[6000:, -2:]).norm(dim=1).mean().item()
        print(f"epoch {epoch} train loss {running:.4f} val loss {val:.4f} final displacement {end:.2f} m")


if __name__ == "__main__":
    main()
