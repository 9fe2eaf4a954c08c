import numpy as np
import torch
from torch import nn
from sklearn.datasets import load_digits

rng = np.random.default_rng(seed=8)
torch.manual_seed(8)

digits = load_digits()
images = digits.images.astype(np.float32)
labels = digits.target.astype(np.int64)
images = (images - images.mean()) / images.std()
rng.shuffle(images)
rng.shuffle(labels)

cut = 1300
train_x, val_x = torch.tensor(images[:cut])[:, None], torch.tensor(images[cut:])[:, None]
train_y, val_y = torch.tensor(labels[:cut]), torch.tensor(labels[cut:])


def noisy(x):
    return x + 1.1 * torch.randn_like(x)


val_x = noisy(val_x)
net = nn.Sequential(
    nn.Conv2d(1, 10, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
    nn.Conv2d(10, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
    nn.Flatten(), nn.Dropout(0.1), nn.Linear(64, 10))
loss_fn = nn.CrossEntropyLoss()
EPOCHS = 45
opt = torch.optim.AdamW(net.parameters(), lr=4e-3, weight_decay=1e-2)
sched = torch.optim.lr_scheduler.OneCycleLR(opt, 6e-3, epochs=EPOCHS, steps_per_epoch=26)


def evaluate():
    net.eval()
    with torch.no_grad():
        out = net(val_x)
    net.train()
    return loss_fn(out, val_y).item(), (out.argmax(1) == val_y).float().mean().item()


for epoch in range(EPOCHS):
    total, count = 0.0, 0
    for rows in torch.randperm(cut).split(50):
        opt.zero_grad()
        loss = loss_fn(net(noisy(train_x[rows])), train_y[rows])
        loss.backward()
        opt.step()
        sched.step()
        total += loss.item() * len(rows)
        count += len(rows)
    vloss, vacc = evaluate()
    print("epoch %d train loss %.4f val loss %.4f val accuracy %.3f" % (epoch + 1, total / count, vloss, vacc))
print("final: val loss %.3f val accuracy %.3f" % (vloss, vacc))
