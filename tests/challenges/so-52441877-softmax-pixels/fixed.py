import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits

torch.manual_seed(22)
EPOCHS = 40

images = torch.tensor(load_digits().images, dtype=torch.float32) / 16
order = torch.randperm(len(images), generator=torch.Generator().manual_seed(1))
images = images[order].reshape(-1, 64)
trainX, testX = images[:1500], images[1500:]
print("shape of the trainX", tuple(trainX.shape))


class VanillaAutoencoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer1 = nn.Linear(64, 96)
        self.layer2 = nn.Linear(96, 48)
        self.layer3 = nn.Linear(48, 12)
        self.layer4 = nn.Linear(12, 48)
        self.layer5 = nn.Linear(48, 96)
        self.layer6 = nn.Linear(96, 64)

    def encode(self, x):
        return self.layer3(F.relu(self.layer2(F.relu(self.layer1(x)))))

    def forward(self, x):
        h = F.relu(self.layer5(F.relu(self.layer4(self.encode(x)))))
        return torch.sigmoid(self.layer6(h))


model = VanillaAutoencoder()
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
decay = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, EPOCHS)
loss_fn = nn.BCELoss()

for epoch in range(1, EPOCHS + 1):
    epoch_loss = 0.0
    for batch in trainX[torch.randperm(len(trainX))].split(50):
        optimizer.zero_grad()
        loss = loss_fn(model(batch), batch)
        loss.backward()
        optimizer.step()
        epoch_loss += loss.item() * len(batch)
    decay.step()
    with torch.no_grad():
        rebuilt = model(testX)
        val_loss = loss_fn(rebuilt, testX).item()
    print(f"epoch {epoch:3d} loss {epoch_loss / len(trainX):.4f} val loss {val_loss:.4f}")

mse = F.mse_loss(rebuilt, testX).item()
plain = F.mse_loss(trainX.mean(0).expand_as(testX), testX).item()
print(f"final: mse {mse:.4f}, mse of the average picture {plain:.4f}")
