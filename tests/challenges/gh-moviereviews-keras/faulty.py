import numpy as np
import torch
from torch import nn, optim

SEED = 21
np.random.seed(SEED)
torch.manual_seed(SEED)

WORDS = 3000


def reviews(count, mood):
    """reviews as lists of word numbers; words drawn by frequency, tilted by how the writer liked the film"""
    rank = 1 / (np.arange(WORDS) + 20.0)
    labels = np.random.randint(0, 2, count)
    sequences = []
    for label in labels:
        p = rank * np.exp(mood * (1 if label else -1) * 0.8)
        sequences.append(np.random.choice(WORDS, np.random.randint(40, 120), p=p / p.sum()))
    labels = np.where(np.random.rand(count) < 0.1, 1 - labels, labels)
    return sequences, labels


def vectorize_sequences(sequences, dimensions=WORDS):
    results = np.zeros((len(sequences), dimensions), dtype="float32")
    for i, sequence in enumerate(sequences):
        results[i, sequence] = 1.0
    return torch.from_numpy(results)


print("____Preparing data____")
mood = np.random.normal(0, 1, WORDS) * (np.random.rand(WORDS) < 0.15)
train_data, train_labels = reviews(900, mood)
test_data, test_labels = reviews(600, mood)
x_train, x_val = vectorize_sequences(train_data), vectorize_sequences(test_data)
y_train = torch.tensor(train_labels, dtype=torch.float32).unsqueeze(1)
y_val = torch.tensor(test_labels, dtype=torch.float32).unsqueeze(1)

print("____Building model____")
model = nn.Sequential(
    nn.Linear(WORDS, 16), nn.ReLU(),
    nn.Linear(16, 16), nn.ReLU(),
    nn.Linear(16, 1),
)
optimizer = optim.RMSprop(model.parameters(), lr=0.001)
loss_fn = nn.BCEWithLogitsLoss()

print("____Training model____")
epochs = 20
for epoch in range(epochs):
    model.train()
    running = 0.0
    for rows in torch.randperm(len(x_train)).split(64):
        optimizer.zero_grad()
        loss = loss_fn(model(x_train[rows]), y_train[rows])
        loss.backward()
        optimizer.step()
        running += loss.item() * len(rows)
    model.eval()
    with torch.no_grad():
        out = model(x_val)
        val = loss_fn(out, y_val).item()
        accuracy = ((out > 0).float() == y_val).float().mean().item()
    print(f"epoch {epoch + 1}/{epochs} train loss {running / len(x_train):.4f} val loss {val:.4f} binary_accuracy {accuracy:.4f}")
