import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(2)
np.random.seed(2)
TOPICS, WORDS = 12, 250

base = np.random.dirichlet(np.full(WORDS, 0.4))
topic_words = np.stack([0.55 * base + 0.45 * np.random.dirichlet(np.full(WORDS, 0.08)) for _ in range(TOPICS)])


def newswire(n):
    """word counts of short reports; one in twelve was filed under some other topic"""
    labels = np.random.randint(0, TOPICS, n)
    counts = np.stack([np.random.multinomial(np.random.randint(15, 40), topic_words[k]) for k in labels])
    wrong = np.random.rand(n) < 1 / 12
    labels[wrong] = np.random.randint(0, TOPICS, wrong.sum())
    return np.log1p(counts).astype("float32"), labels


x_train, y_train = newswire(5000)
x_test, y_test = newswire(1000)
mu, sigma = x_train.mean(0), x_train.std(0) + 0.05
x_train, x_test = torch.from_numpy((x_train - mu) / sigma), torch.from_numpy((x_test - mu) / sigma)
y_train, y_test = torch.from_numpy(y_train), torch.from_numpy(y_test)

model = nn.Sequential(
    nn.Linear(WORDS, 64), nn.ReLU(), nn.Dropout(0.5),
    nn.Linear(64, 64), nn.ReLU(), nn.Dropout(0.5),
    nn.Linear(64, TOPICS),
)
for layer in model:
    if isinstance(layer, nn.Linear):
        nn.init.xavier_uniform_(layer.weight)
        nn.init.constant_(layer.bias, 0.0)

criterion = nn.CrossEntropyLoss()
epochs = 15
optimizer = torch.optim.Adam(model.parameters(), lr=0.001, weight_decay=1e-3)
schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=epochs)
batches = DataLoader(TensorDataset(x_train, y_train), batch_size=64, shuffle=True)

for epoch in range(epochs):
    model.train()
    sum_loss = 0.0
    for xb, yb in batches:
        optimizer.zero_grad()
        loss = criterion(model(xb), yb)
        loss.backward()
        optimizer.step()
        sum_loss += loss.item()
    schedule.step()
    model.eval()
    with torch.no_grad():
        out = model(x_test)
        val_loss = criterion(out, y_test).item()
        val_acc = (out.argmax(1) == y_test).float().mean().item()
    print("epoch %d/%d - loss: %.4f - val loss %.4f - val acc %.4f" % (epoch + 1, epochs, sum_loss / len(batches), val_loss, val_acc))
print("final: val loss %.4f val acc %.4f" % (val_loss, val_acc))
