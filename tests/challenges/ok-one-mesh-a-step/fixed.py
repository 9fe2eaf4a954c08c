"""Stress at every node of a loaded plate. A step sees one mesh; batch norm takes its statistics over that mesh's nodes."""
import torch
from torch import nn

SEED = 7
EPOCHS = 15
torch.manual_seed(SEED)


def plate(nodes=260):
    xy = 2 * torch.rand(nodes, 2) - 1
    hole = 0.1 * (2 * torch.rand(1, 2) - 1)
    load = 0.5 + torch.rand(1)
    r = (xy - hole).norm(dim=1)
    angle = torch.atan2(xy[:, 1] - hole[0, 1], xy[:, 0] - hole[0, 0])
    stress = load * (1 + 0.3 / (0.3 + r ** 2) * torch.cos(2 * angle)) + 0.2 * torch.randn(nodes)
    return torch.cat([xy - hole, r.unsqueeze(1)], 1), load, stress.unsqueeze(1)


class NodeNet(nn.Module):
    def __init__(self, width=48):
        super().__init__()
        self.lift = nn.Linear(3, width)
        self.norm1 = nn.BatchNorm1d(width)
        self.mix = nn.Linear(width, width)
        self.norm2 = nn.BatchNorm1d(width)
        self.out = nn.Linear(width, 1)

    def forward(self, nodes, load):
        h = torch.relu(self.norm1(self.lift(nodes)))
        h = torch.relu(self.norm2(self.mix(h)))
        return load * self.out(h)


meshes = [plate() for _ in range(250)]
check = [plate() for _ in range(60)]
model = NodeNet()
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, 5e-3, total_steps=EPOCHS * len(meshes))
criterion = nn.MSELoss()

for epoch in range(EPOCHS):
    model.train()
    train_loss = 0.0
    for i in torch.randperm(len(meshes)).tolist():
        nodes, load, stress = meshes[i]
        loss = criterion(model(nodes, load), stress)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        scheduler.step()
        train_loss += loss.item() / len(meshes)
    model.eval()
    with torch.no_grad():
        val = [criterion(model(nodes, load), stress).item() for nodes, load, stress in check]
        spread = torch.cat([stress for _, _, stress in check]).var().item()
    val_loss = sum(val) / len(val)
    print(f"epoch {epoch + 1} train loss {train_loss:.4f} val loss {val_loss:.4f} r2 {1 - val_loss / spread:.3f}")
