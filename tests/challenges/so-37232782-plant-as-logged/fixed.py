import numpy as np
import pandas as pd
import torch
import torch.nn as nn
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

np.random.seed(11)
torch.manual_seed(11)

n = 4000
temperature = np.random.normal(19.6, 7.4, n)
vacuum = 25 + 1.4 * temperature + np.random.normal(0, 7, n)
pressure = 1013 + np.random.normal(0, 6, n) - 0.25 * (temperature - 19.6)
humidity = np.clip(np.random.normal(73, 14, n), 25, 100)
steam = np.random.gamma(9, 60, n)
power = (454 - 1.7 * (temperature - 19.6) - 0.012 * (temperature - 19.6) ** 2 - 0.25 * (vacuum - 53) + 0.1 * (pressure - 1013)
         - 0.12 * (humidity - 73) + 8 * np.tanh((steam - 540) / 150) + np.random.normal(0, 3, n))
plant = pd.DataFrame({"temperature": temperature, "vacuum": vacuum, "pressure": pressure, "humidity": humidity,
                      "steam": steam, "power": power})

X = plant.drop(columns="power").values
y = plant[["power"]].values
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.25, random_state=11)
y_scaler = StandardScaler().fit(y_train)
x_scaler = StandardScaler().fit(X_train)
X_train, X_test = x_scaler.transform(X_train), x_scaler.transform(X_test)
X_train, X_test = torch.tensor(X_train).float(), torch.tensor(X_test).float()
y_train, y_test = torch.tensor(y_scaler.transform(y_train)).float(), torch.tensor(y_scaler.transform(y_test)).float()

model = nn.Sequential(nn.Linear(5, 32), nn.ReLU(), nn.Linear(32, 16), nn.ReLU(), nn.Linear(16, 1))
loss_function = nn.MSELoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.03, momentum=0.9, nesterov=True)
epochs = 20
lr_scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 7, 0.2)

for epoch in range(epochs):
    permutation = torch.randperm(len(X_train))
    train_loss = 0.0
    for i in range(0, len(X_train), 50):
        rows = permutation[i:i + 50]
        optimizer.zero_grad()
        loss = loss_function(model(X_train[rows]), y_train[rows])
        loss.backward()
        optimizer.step()
        train_loss += loss.item() * len(rows) / len(X_train)
    lr_scheduler.step()
    with torch.no_grad():
        prediction = model(X_test)
        val_loss = loss_function(prediction, y_test).item()
    print(f"epoch {epoch + 1}/{epochs} - loss: {train_loss:.4f} - val loss {val_loss:.4f}")

megawatts = np.abs(y_scaler.scale_[0] * (prediction - y_test).numpy()).mean()
print(f"final: val loss {val_loss:.4f}, mean absolute error {megawatts:.2f} MW")
