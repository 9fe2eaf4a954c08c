import numpy as np
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset

np.random.seed(7)
torch.manual_seed(7)

look_back = 1
epochs = 20


def load_series(n=2600):
    t = np.arange(n)
    wave = np.sin(2 * np.pi * t / 17.0) + 0.6 * np.sin(2 * np.pi * t / 9.3 + 1.0)
    return (wave + 0.1 * np.random.randn(n)).astype("float32")


def create_dataset(dataset, look_back=1):
    dataX, dataY = [], []
    for i in range(len(dataset) - look_back):
        dataX.append(dataset[i:i + look_back])
        dataY.append(dataset[i + look_back])
    return torch.tensor(np.array(dataX)).unsqueeze(-1), torch.tensor(np.array(dataY)).unsqueeze(-1)


series = load_series()
train_size = 2000
mean, std = series[:train_size].mean(), series[:train_size].std()
scaled = (series - mean) / std
trainX, trainY = create_dataset(scaled[:train_size], look_back)
testX, testY = create_dataset(scaled[train_size:], look_back)
print(trainX.shape, trainY.shape, testX.shape)


class LSTMForecaster(nn.Module):
    def __init__(self, units=24):
        super().__init__()
        self.lstm = nn.LSTM(1, units, batch_first=True)
        self.dense = nn.Linear(units, 1)

    def forward(self, x):
        out, _ = self.lstm(x)
        return self.dense(out[:, -1])


model = LSTMForecaster()
criterion = nn.MSELoss()
optimizer = torch.optim.Adam(model.parameters(), lr=0.008)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
loader = DataLoader(TensorDataset(trainX, trainY), batch_size=32, shuffle=True)

for epoch in range(epochs):
    model.train()
    total = 0.0
    for x, y in loader:
        optimizer.zero_grad()
        loss = criterion(model(x), y)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(x)
    scheduler.step()
    model.eval()
    with torch.no_grad():
        val_loss = criterion(model(testX), testY).item()
    print(f"epoch {epoch + 1}/{epochs} - loss: {total / len(trainX):.4f} - val loss {val_loss:.4f}")

persistence = ((scaled[train_size:-1] - scaled[train_size + 1:]) ** 2).mean()
print(f"final: test mse {val_loss:.4f}, mse of repeating the last value {persistence:.4f}")
