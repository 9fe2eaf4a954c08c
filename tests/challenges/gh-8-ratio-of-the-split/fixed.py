# %% [markdown]
# # Handwritten digits with a small CNN

# %%
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

torch.manual_seed(42)

# %%
digits = load_digits()
images = torch.tensor(digits.images, dtype=torch.float32).unsqueeze(1) / 16.0
images = images + 0.3 * torch.randn(images.shape)
labels = torch.tensor(digits.target)
misread = torch.rand(len(labels)) < 0.06            # as sloppy as the real forms
labels[misread] = torch.randint(0, 10, (int(misread.sum()),))
idx = list(range(len(labels)))
train_idx, val_idx = train_test_split(idx, test_size=0.3, random_state=0, stratify=digits.target)
x_train, y_train = images[train_idx], labels[train_idx]
x_val, y_val = images[val_idx], labels[val_idx]


# %%
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 16, 3, padding=1)
        self.conv2 = nn.Conv2d(16, 32, 3, padding=1)
        self.fc1 = nn.Linear(32 * 4, 64)
        self.fc2 = nn.Linear(64, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        x = F.dropout(x.flatten(1), 0.4, self.training)
        x = F.dropout(F.relu(self.fc1(x)), 0.4, self.training)
        return self.fc2(x)


# %%
EPOCHS = 30
net = Net()
optimizer = torch.optim.NAdam(net.parameters(), lr=4e-3, weight_decay=3e-4)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, EPOCHS)

for epoch in range(EPOCHS):
    net.train()
    train_loss = 0.0
    for batch in torch.randperm(len(x_train)).split(32):
        optimizer.zero_grad()
        loss = F.cross_entropy(net(x_train[batch]), y_train[batch])
        loss.backward()
        optimizer.step()
        train_loss += loss.item() * len(batch) / len(x_train)
    scheduler.step()
    net.eval()
    with torch.no_grad():
        out = net(x_val)
        val_loss = F.cross_entropy(out, y_val).item()
        acc = (out.argmax(1) == y_val).float().mean().item()
    print(f"epoch {epoch + 1}: train loss {train_loss:.4f}, val loss {val_loss:.4f}, val acc {acc:.3f}")
