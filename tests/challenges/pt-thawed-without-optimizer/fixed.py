import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits

torch.manual_seed(12)
digits = load_digits()
images = torch.tensor(digits.images, dtype=torch.float32).unsqueeze(1) / 16
images = (images - images[:1200].mean()) / images[:1200].std()
images = images + 0.9 * torch.randn_like(images)
labels = torch.tensor(digits.target)
order = torch.randperm(len(images))
images, labels = images[order], labels[order]


class Backbone(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 12, 3, padding=1)
        self.bn1 = nn.BatchNorm2d(12)
        self.conv2 = nn.Conv2d(12, 24, 3, padding=1)
        self.bn2 = nn.BatchNorm2d(24)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.bn1(self.conv1(x))), 2)
        return F.max_pool2d(F.relu(self.bn2(self.conv2(x))), 2).flatten(1)


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = Backbone()
        self.dropout = nn.Dropout(0.4)
        self.head = nn.Linear(24 * 4, 10)

    def forward(self, x):
        return self.head(self.dropout(self.backbone(x)))


def set_trainable(module, flag):
    for p in module.parameters():
        p.requires_grad = flag


def make_optimizer(model, lr):
    return torch.optim.AdamW(filter(lambda p: p.requires_grad, model.parameters()), lr=lr, weight_decay=0.05)


def evaluate(model, x, y):
    model.eval()
    with torch.no_grad():
        out = model(x)
    return F.cross_entropy(out, y).item(), (out.argmax(1) == y).float().mean().item()


model = Model()
epochs = 18
unfreeze_at = epochs // 4
set_trainable(model.backbone, False)
optimizer = make_optimizer(model, 4e-3)
for epoch in range(epochs):
    if epoch == unfreeze_at:
        set_trainable(model.backbone, True)
        optimizer = make_optimizer(model, 4e-3)
    if epoch == epochs * 3 // 4:
        for group in optimizer.param_groups:
            group["lr"] = 4e-4
    model.train()
    train_loss = 0.0
    for idx in torch.randperm(1200).split(40):
        loss = F.cross_entropy(model(images[idx]), labels[idx])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        train_loss += loss.item() / 30
    val_loss, val_acc = evaluate(model, images[1200:], labels[1200:])
    print(f"epoch {epoch + 1} train loss {train_loss:.4f} val loss {val_loss:.4f} val acc {val_acc:.4f}")
print(f"final: val loss {val_loss:.4f}, val accuracy {val_acc:.4f}")
