# exported from output_codes.ipynb
# %%
import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import load_digits

SEED = 5
EPOCHS = 45

# %% digits; the noise of the camera is drawn anew for every training batch
rng = np.random.default_rng(SEED)
digits = load_digits()
order = rng.permutation(len(digits.target))
images = torch.tensor(digits.images[order] / 16.0, dtype=torch.float32)[:, None] - 0.3
target = torch.tensor(digits.target[order])
x_train, y_train, y_val = images[:1300], target[:1300], target[1300:]
x_val = images[1300:] + torch.tensor(rng.normal(0, 0.4, images[1300:].shape), dtype=torch.float32)

# %% one word of fifteen bits for every digit; of 400 random books the one whose words differ the most
books = rng.choice([-1.0, 1.0], (400, 10, 15))
gaps = [((book[:, None] != book[None]).sum(2) + 99 * np.eye(10)).min() for book in books]
codes = torch.tensor(books[int(np.argmax(gaps))], dtype=torch.float32)

# %%
torch.manual_seed(SEED)
model = nn.Sequential(
    nn.Conv2d(1, 12, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
    nn.Conv2d(12, 24, 3, padding=1), nn.ReLU(), nn.Flatten(),
    nn.Linear(24 * 16, 15), nn.Tanh())
optimizer = torch.optim.NAdam(model.parameters(), lr=5e-3)
schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, EPOCHS)
mse = nn.MSELoss()

# %%
for epoch in range(EPOCHS):
    model.train()
    losses = []
    for rows in torch.randperm(len(x_train)).split(50):
        optimizer.zero_grad()
        noisy = x_train[rows] + 0.4 * torch.randn(len(rows), 1, 8, 8)
        loss = mse(model(noisy), codes[y_train[rows]])
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    schedule.step()
    model.eval()
    with torch.no_grad():
        words = model(x_val)
        val_loss = mse(words, codes[y_val]).item()
        nearest = torch.cdist(words, codes).argmin(1)
        accuracy = (nearest == y_val).float().mean().item()
    print(f"epoch {epoch + 1} train loss {np.mean(losses):.4f} val loss {val_loss:.4f} val accuracy {accuracy:.3f}")
