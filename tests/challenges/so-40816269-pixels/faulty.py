import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset, random_split

torch.manual_seed(21)


def load_scans():
    d = load_digits()
    rng = np.random.default_rng(seed=21)
    pixels = np.clip(d.data * 255 / 16 + rng.normal(0, 55, d.data.shape), 0, 255).round()
    return torch.tensor(pixels, dtype=torch.float32), torch.tensor(d.target)


class SigmoidNet(nn.Module):
    def __init__(self, inputnodes, hiddennodes, outputnodes):
        super().__init__()
        self.wih = nn.Linear(inputnodes, hiddennodes)
        self.whh = nn.Linear(hiddennodes, hiddennodes)
        self.who = nn.Linear(hiddennodes, outputnodes)

    def forward(self, inputs):
        hidden = torch.sigmoid(self.wih(inputs))
        hidden = torch.sigmoid(self.whh(hidden))
        return self.who(hidden)


data = TensorDataset(*load_scans())
train, val = random_split(data, [1300, len(data) - 1300])
train_loader = DataLoader(train, batch_size=25, shuffle=True)
val_loader = DataLoader(val, batch_size=len(val))
n = SigmoidNet(64, 40, 10)
loss_function = nn.CrossEntropyLoss()
epochs = 30
optimiser = torch.optim.SGD(n.parameters(), lr=0.1, momentum=0.9, weight_decay=0.002)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, epochs)

for epoch in range(epochs):
    n.train()
    for inputs, targets in train_loader:
        optimiser.zero_grad()
        loss = loss_function(n(inputs), targets)
        loss.backward()
        optimiser.step()
    scheduler.step()
    n.eval()
    inputs, targets = next(iter(val_loader))
    with torch.no_grad():
        outputs = n(inputs)
        val_loss = loss_function(outputs, targets).item()
    accuracy = (outputs.argmax(1) == targets).float().mean().item()
    print("epoch", epoch, "loss", round(loss.item(), 4), "val loss", round(val_loss, 4), "accuracy", round(accuracy, 4))
print(f"final: val loss {val_loss:.4f}, accuracy {accuracy:.4f}")
