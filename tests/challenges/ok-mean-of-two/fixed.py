import random

import torch
import torch.nn as nn

random.seed(9)
torch.manual_seed(9)


# a large set of averages: two readings and the mean somebody wrote down, give or take
def generate_dataset(values):
    dataset = []
    for _ in range(values):
        n1 = random.randint(0, 100)
        n2 = random.randint(0, 100)
        dataset.append([n1, n2, (n1 + n2) / 2 + random.gauss(0, 4)])
    return torch.tensor(dataset)


def preprocess(data):
    return data / 100


def postprocess(data):
    return data * 100


BATCH_SIZE = 20
EPOCHS = 20
rows = preprocess(generate_dataset(4000))
inputs, outputs = rows[:, :2], rows[:, 2:]
train_x, train_y, val_x, val_y = inputs[:3000], outputs[:3000], inputs[3000:], outputs[3000:]

model = nn.Sequential()
model.append(nn.Linear(2, 2))
model.append(nn.Linear(2, 1))

optimizer = torch.optim.RMSprop(model.parameters(), lr=0.002)
halve = torch.optim.lr_scheduler.StepLR(optimizer, 4, gamma=0.5)
mse = nn.MSELoss()
for epoch in range(EPOCHS):
    total = 0.0
    for part in torch.randperm(len(train_x)).split(BATCH_SIZE):
        optimizer.zero_grad()
        loss = mse(model(train_x[part]), train_y[part])
        loss.backward()
        optimizer.step()
        total += loss.item() * len(part)
    halve.step()
    with torch.no_grad():
        guess = model(val_x)
        val = mse(guess, val_y).item()
        off = postprocess((guess - val_y).abs().mean()).item()
    print(f"epoch {epoch + 1} train loss {total / len(train_x):.6f} val loss {val:.6f} off by {off:.2f}")

with torch.no_grad():
    print(postprocess(model(preprocess(torch.tensor([[10.0, 20.0]])))))
