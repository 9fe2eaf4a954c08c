import argparse

import torch
from torch import nn


class SimpleRNN(nn.Module):
    def __init__(self, inputs, units, activation):
        super().__init__()
        self.kernel = nn.Linear(inputs, units)
        self.recurrent = nn.Linear(units, units, bias=False)
        self.activation = activation
        nn.init.xavier_uniform_(self.kernel.weight)
        nn.init.orthogonal_(self.recurrent.weight)
        nn.init.zeros_(self.kernel.bias)

    def forward(self, steps):
        state = steps.new_zeros(steps.shape[1], self.recurrent.in_features)
        out = []
        for inputs in self.kernel(steps):
            state = self.activation(inputs + self.recurrent(state))
            out.append(state)
        return torch.stack(out)


class ReviewNet(nn.Module):
    def __init__(self, vocabulary, activation):
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, 16, padding_idx=0)
        self.rnn1 = SimpleRNN(16, 24, activation)
        self.rnn2 = SimpleRNN(24, 24, activation)
        self.dense = nn.Linear(24, 2)

    def forward(self, words):
        steps = self.embedding(words.t())
        steps = self.rnn2(self.rnn1(steps))
        return self.dense(steps[-1])


def corpus(n, generator, maxlen=14):
    """The verdict is in the opening words; what follows is plot, padded behind with zeros."""
    label = torch.randint(0, 2, (n,), generator=generator)
    words = torch.randint(21, 60, (n, maxlen), generator=generator)
    verdict = torch.randint(1, 11, (n, 3), generator=generator)
    words[:, :3] = verdict + 10 * label[:, None]
    length = torch.randint(8, maxlen + 1, (n, 1), generator=generator)
    words[torch.arange(maxlen) >= length] = 0
    flipped = torch.rand(n, generator=generator) < 0.1
    return words, torch.where(flipped, 1 - label, label)


parser = argparse.ArgumentParser()
parser.add_argument("--epochs", type=int, default=8)
parser.add_argument("--lr", type=float, default=0.05)
parser.add_argument("--seed", type=int, default=1)
args = parser.parse_args()

torch.manual_seed(args.seed)
g = torch.Generator().manual_seed(50)
x, y = corpus(4000, g)
x_val, y_val = corpus(600, g)
model = ReviewNet(60, torch.sigmoid)
loss_fn = nn.CrossEntropyLoss()
sgd = torch.optim.SGD(model.parameters(), lr=args.lr, momentum=0.9)
schedule = torch.optim.lr_scheduler.CosineAnnealingLR(sgd, args.epochs)

for epoch in range(1, args.epochs + 1):
    total = 0.0
    for batch in torch.randperm(len(x)).split(64):
        loss = loss_fn(model(x[batch]), y[batch])
        sgd.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        sgd.step()
        total += loss.item() * len(batch)
    schedule.step()
    with torch.no_grad():
        scores = model(x_val)
        val = loss_fn(scores, y_val).item()
        acc = (scores.argmax(1) == y_val).float().mean().item()
    print(f"epoch {epoch} train loss {total / len(x):.4f} val loss {val:.4f} val accuracy {acc:.4f}")
