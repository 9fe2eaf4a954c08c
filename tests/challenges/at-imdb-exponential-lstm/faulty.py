import torch
from torch import nn


class Cell(nn.Module):
    """A step of an LSTM with a choice of activation."""

    def __init__(self, inputs, units, activation):
        super().__init__()
        self.units, self.activation = units, activation
        self.kernel = nn.Parameter(nn.init.xavier_uniform_(torch.empty(inputs, 4 * units)))
        self.recurrent = nn.Parameter(nn.init.orthogonal_(torch.empty(units, 4 * units)))
        self.bias = nn.Parameter(torch.zeros(4 * units))

    def forward(self, sequence):
        h = c = sequence.new_zeros(sequence.shape[1], self.units)
        states = []
        for x in sequence @ self.kernel + self.bias:
            i, f, g, o = (x + h @ self.recurrent).chunk(4, 1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * self.activation(g)
            h = torch.sigmoid(o) * self.activation(c)
            states.append(h)
        return torch.stack(states)


class Reviews(nn.Module):
    def __init__(self, words=300, activation=torch.tanh):
        super().__init__()
        self.embed = nn.Embedding(words, 24)
        self.first = Cell(24, 24, activation)
        self.second = Cell(24, 24, activation)
        self.head = nn.Sequential(nn.Dropout(0.25), nn.Linear(24, 32), nn.ReLU(), nn.Linear(32, 1))

    def forward(self, text):
        states = self.second(self.first(self.embed(text.t())))
        return self.head(states[-1]).squeeze(1)


def make_reviews(n, generator, length=24, words=300):
    """Every third word or so speaks for or against the film; which way they lean makes the label."""
    text = torch.randint(60, words, (n, length), generator=generator)
    label = torch.randint(0, 2, (n,), generator=generator)
    telling = torch.rand(n, length, generator=generator) < 0.35
    good = torch.rand(n, length, generator=generator) < torch.where(label == 1, 0.68, 0.32)[:, None]
    word = torch.randint(0, 30, (n, length), generator=generator)
    return torch.where(telling, word + 30 * (~good).long(), text), label.float()


if __name__ == "__main__":
    torch.manual_seed(14)
    g = torch.Generator().manual_seed(99)
    x_train, y_train = make_reviews(3000, g)
    x_val, y_val = make_reviews(800, g)
    model = Reviews(activation=torch.exp)
    loss_fn = nn.BCEWithLogitsLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.004)
    EPOCHS = 5
    for epoch in range(1, EPOCHS + 1):
        model.train()
        total = 0.0
        for rows in torch.randperm(len(x_train)).split(128):
            loss = loss_fn(model(x_train[rows]), y_train[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(rows)
        model.eval()
        with torch.no_grad():
            scores = model(x_val)
        accuracy = ((scores > 0) == (y_val > 0.5)).float().mean()
        print(f"epoch {epoch}: train loss {total / len(x_train):.4f}, val loss {loss_fn(scores, y_val):.4f}, accuracy {accuracy:.3f}")
