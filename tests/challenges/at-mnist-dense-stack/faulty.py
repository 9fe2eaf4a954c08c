import torch
from torch import nn
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

torch.manual_seed(4)
EPOCHS = 20

digits = load_digits()
X = torch.tensor(digits.data / 16.0, dtype=torch.float32)
y = torch.tensor(digits.target)
x_train, x_val, y_train, y_val = train_test_split(X, y, test_size=0.25, random_state=4, stratify=y)


def init(m):
    if isinstance(m, nn.Linear):
        nn.init.uniform_(m.weight, -0.1, 0.02)
        nn.init.zeros_(m.bias)


model = nn.Sequential(
    nn.Linear(64, 96), nn.ReLU(),
    nn.Linear(96, 64), nn.ReLU(),
    nn.Linear(64, 32), nn.ReLU(),
    nn.Linear(32, 10),
)
model.apply(init)
optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9, weight_decay=5e-3)
lossfn = nn.CrossEntropyLoss()
scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=8, gamma=0.3)

for epoch in range(EPOCHS):
    model.train()
    running = 0.0
    for idx in torch.randperm(len(x_train)).split(64):
        loss = lossfn(model(x_train[idx]), y_train[idx])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        running += loss.item() * len(idx)
    scheduler.step()
    model.eval()
    with torch.no_grad():
        out = model(x_val)
    print("epoch %d/%d train loss %.4f val loss %.4f val acc %.4f" % (
        epoch + 1, EPOCHS, running / len(x_train), lossfn(out, y_val).item(), (out.argmax(1) == y_val).float().mean().item()))
