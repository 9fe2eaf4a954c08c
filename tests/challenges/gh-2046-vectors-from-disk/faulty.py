import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(21)
VOCAB, DIM, LENGTH, TOPICS = 600, 10, 24, 6
epochs = 14


def articles(n, seed):
    rng = np.random.default_rng(seed)
    topic = rng.integers(0, TOPICS, n)
    words = rng.integers(1, VOCAB, (n, LENGTH))
    about = rng.random((n, LENGTH)) < 0.16
    # every topic has 60 words of its own, spread over the vocabulary
    own = 1 + topic[:, None] + (TOPICS + 3) * rng.integers(0, 60, (n, LENGTH))
    return torch.tensor(np.where(about, own, words)), torch.tensor(topic)


def load_vectors(vocab, dim):
    """vectors of the general purpose file, already cut down to this vocabulary"""
    vectors = np.random.default_rng(77).normal(0, 0.3, (vocab, dim)).astype(np.float32)
    vectors[0] = 0.0
    return torch.from_numpy(vectors)


class TextCNN(nn.Module):
    def __init__(self, vectors):
        super().__init__()
        self.embedding = nn.Embedding.from_pretrained(vectors, padding_idx=0)
        self.convs = nn.ModuleList([nn.Conv1d(DIM, 24, k, padding=k // 2) for k in (1, 3)])
        self.dropout = nn.Dropout(0.3)
        self.out = nn.Linear(48, TOPICS)

    def forward(self, tokens):
        x = self.embedding(tokens).transpose(1, 2)
        x = torch.cat([F.relu(c(x)).mean(2) for c in self.convs], 1)
        return self.out(self.dropout(x))


train_loader = DataLoader(TensorDataset(*articles(4000, 0)), batch_size=64, shuffle=True)
val_x, val_y = articles(1000, 1)
net = TextCNN(load_vectors(VOCAB, DIM))
optimizer = torch.optim.AdamW(net.parameters(), lr=4e-3, weight_decay=0.05)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)

for epoch in range(epochs):
    net.train()
    running = []
    for tokens, topic in train_loader:
        optimizer.zero_grad()
        loss = F.cross_entropy(net(tokens), topic)
        loss.backward()
        optimizer.step()
        running.append(loss.item())
    scheduler.step()
    net.eval()
    with torch.no_grad():
        scores = net(val_x)
        val_loss = F.cross_entropy(scores, val_y).item()
        accuracy = (scores.argmax(1) == val_y).float().mean().item()
    print(f"epoch {epoch + 1} train loss {np.mean(running):.4f} val loss {val_loss:.4f} val accuracy {accuracy:.3f}")
print(f"final: accuracy {accuracy:.3f} (chance {1 / TOPICS:.3f})")
