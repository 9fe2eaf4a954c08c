import numpy as np
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset, random_split

torch.manual_seed(41)
USERS, ITEMS = 300, 200
EPOCHS = 20

rng = np.random.default_rng(41)
taste, style = rng.normal(0, 1, (USERS, 3)), rng.normal(0, 1, (ITEMS, 3))
u = rng.integers(0, USERS, 36000)
i = rng.integers(0, ITEMS, 36000)
score = 3.2 + rng.normal(0, 0.4, USERS)[u] + rng.normal(0, 0.5, ITEMS)[i] + 0.5 * (taste[u] * style[i]).sum(1)
score = np.clip(score + rng.normal(0, 0.5, len(u)), 1, 5)
ratings = TensorDataset(torch.tensor(u), torch.tensor(i), torch.tensor(score, dtype=torch.float32))
train, val = random_split(ratings, [30000, 6000])
train_loader = DataLoader(train, batch_size=500, shuffle=True)
val_loader = DataLoader(val, batch_size=2000)


class Recommender(nn.Module):
    def __init__(self, dim=4):
        super().__init__()
        self.user = nn.Embedding(USERS, dim)
        self.item = nn.Embedding(ITEMS, dim)
        self.user_bias = nn.Embedding(USERS, 1)
        self.item_bias = nn.Embedding(ITEMS, 1)
        self.offset = nn.Parameter(torch.tensor(3.0))
        for table in (self.user, self.item, self.user_bias, self.item_bias):
            nn.init.normal_(table.weight, std=0.1)

    def forward(self, user, item):
        dot = (self.user(user) * self.item(item)).sum(1)
        return self.offset + dot + self.user_bias(user).squeeze(1) + self.item_bias(item).squeeze(1)


model = Recommender()
optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, EPOCHS)
criterion = nn.MSELoss()

for epoch in range(EPOCHS):
    model.train()
    train_loss = 0.0
    for user, item, rating in train_loader:
        loss = criterion(model(user, item), rating)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        train_loss += loss.item() / len(train_loader)
    scheduler.step()
    model.eval()
    val_loss = 0.0
    with torch.no_grad():
        for user, item, rating in val_loader:
            val_loss += criterion(model(user, item), rating).item() / len(val_loader)
    print(f"epoch {epoch:2d}: train loss {train_loss:.4f}, val loss {val_loss:.4f}, rmse {val_loss ** 0.5:.3f}")
