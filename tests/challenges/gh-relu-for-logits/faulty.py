import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

CLASSES = 12


class NeuralNetwork(nn.Module):
    def __init__(self, *sizes):
        super().__init__()
        layers = []
        for i, o in zip(sizes, sizes[1:]):
            layers += [nn.Linear(i, o), nn.ReLU()]
        self.stack = nn.Sequential(*layers)

    def forward(self, x):
        return self.stack(x)


def train(dataloader, model, loss_fn, optimizer):
    model.train()
    for X, y in dataloader:
        pred = model(X)
        loss = loss_fn(pred, y)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    return loss.item()


def test(dataloader, model, loss_fn):
    model.eval()
    test_loss, correct, seen = 0, 0, set()
    with torch.no_grad():
        for X, y in dataloader:
            pred = model(X)
            test_loss += loss_fn(pred, y).item() / len(dataloader)
            correct += (pred.argmax(1) == y).sum().item()
            seen |= set(pred.argmax(1).tolist())
    return test_loss, correct / len(dataloader.dataset), len(seen)


torch.manual_seed(33)
centres = torch.randn(CLASSES, 16)


def spectra(n):
    y = torch.randint(0, CLASSES, (n,))
    x = centres[y] + 1.1 * torch.randn(n, 16)
    return TensorDataset(x / 1.5, y)


train_dataloader = DataLoader(spectra(2400), batch_size=48, shuffle=True)
test_dataloader = DataLoader(spectra(1000), batch_size=500)
model = NeuralNetwork(16, 32, CLASSES)
loss_fn = nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
epochs = 18
scheduler = torch.optim.lr_scheduler.PolynomialLR(optimizer, epochs, power=1.5)
for t in range(epochs):
    loss = train(train_dataloader, model, loss_fn, optimizer)
    scheduler.step()
    test_loss, accuracy, seen = test(test_dataloader, model, loss_fn)
    print(f"epoch {t + 1} loss {loss:.4f} val loss {test_loss:.4f} accuracy {accuracy:.4f} classes predicted {seen}")
print(f"final: val loss {test_loss:.4f}, accuracy {accuracy:.4f}, classes predicted {seen}")
