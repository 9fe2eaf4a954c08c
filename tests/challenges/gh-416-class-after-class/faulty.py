import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(52)
N_CLASSES = 5
templates = torch.randn(N_CLASSES, 3, 10, 10)
templates = nn.functional.avg_pool2d(templates, 3, 1, 1) * 2.2


def image_folder(per_class):
    """like a folder of folders: all pictures of the first class, then all of the second, ..."""
    y = torch.arange(N_CLASSES).repeat_interleave(per_class)
    x = templates[y] * (0.5 + torch.rand(len(y), 1, 1, 1)) + 2.4 * torch.randn(len(y), 3, 10, 10)
    wrong = torch.rand(len(y)) < 0.08
    return TensorDataset(x / 2.5, torch.where(wrong, torch.randint(N_CLASSES, y.shape), y))


class ConvBlock(nn.Sequential):
    def __init__(self, i, o):
        super().__init__(nn.Conv2d(i, o, 3, padding=1), nn.GroupNorm(2, o), nn.ReLU(), nn.MaxPool2d(2))


class SmallNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = nn.Sequential(ConvBlock(3, 12), ConvBlock(12, 24))
        self.head = nn.Sequential(nn.Flatten(), nn.Dropout(0.5), nn.Linear(24 * 4, N_CLASSES))

    def forward(self, x):
        return self.head(self.backbone(x))


class Trainer:
    def __init__(self, model, params):
        self.model, self.params = model, params

    def train(self, train_loader, val_loader, epochs=12):
        criterion = nn.CrossEntropyLoss()
        optimizer = torch.optim.SGD(self.model.parameters(), self.params["initial_lr"], **self.params["optimizer_params"])
        scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
        for epoch in range(epochs):
            self.model.train()
            running = 0.0
            for x, y in train_loader:
                optimizer.zero_grad()
                loss = criterion(self.model(x), y)
                loss.backward()
                optimizer.step()
                running += loss.item()
            scheduler.step()
            self.model.eval()
            val, hits, n = 0.0, 0, 0
            with torch.no_grad():
                for x, y in val_loader:
                    out = self.model(x)
                    val += criterion(out, y).item() * len(y)
                    hits += (out.argmax(1) == y).sum().item()
                    n += len(y)
            print(f"epoch {epoch} train loss {running / len(train_loader):.4f} val loss {val / n:.4f} Accuracy {hits / n:.4f}")
        return val / n, hits / n


dataloader_params = {"batch_size": 30}
train_loader = DataLoader(image_folder(320), **dataloader_params)
val_loader = DataLoader(image_folder(100), batch_size=100)
train_params = {"initial_lr": 0.02, "optimizer_params": {"weight_decay": 1e-2, "momentum": 0.9, "nesterov": True}}
val_loss, accuracy = Trainer(SmallNet(), train_params).train(train_loader, val_loader)
print(f"final: val loss {val_loss:.4f}, accuracy {accuracy:.4f}")
