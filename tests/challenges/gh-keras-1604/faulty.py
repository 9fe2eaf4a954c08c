import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader
from sklearn.datasets import load_digits

np.random.seed(1)
torch.manual_seed(1)

batch_size = 32
epochs = 30
code_size = 16

x = load_digits().data.astype("float32") / 16.0
np.random.shuffle(x)
x_train, x_test = torch.from_numpy(x[:1500]), torch.from_numpy(x[1500:])

encoder = nn.Sequential(nn.Linear(64, 48), nn.Tanh(), nn.Linear(48, code_size))
decoder = nn.Sequential(nn.Linear(code_size, 48), nn.Tanh(), nn.Linear(48, 64))
autoencoder = nn.Sequential(encoder, decoder)

sgd = torch.optim.SGD(autoencoder.parameters(), lr=0.001, momentum=0.1)
mse = nn.MSELoss()
print("variance per pixel: %.4f" % x_test.var(0).mean().item())

for epoch in range(epochs):
    autoencoder.train()
    losses = []
    for batch in DataLoader(x_train, batch_size=batch_size, shuffle=True):
        loss = mse(autoencoder(batch), batch)
        sgd.zero_grad()
        loss.backward()
        sgd.step()
        losses.append(loss.item())
    autoencoder.eval()
    with torch.no_grad():
        rec = autoencoder(x_test)
        val = mse(rec, x_test).item()
        share = 1 - val / x_test.var(0).mean().item()
    print("epoch %2d  train loss %.5f  val loss %.5f  explained %.3f" % (epoch + 1, np.mean(losses), val, share))
