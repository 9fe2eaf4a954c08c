import numpy as np
import torch
import torch.nn as nn

SEED = 8
np.random.seed(SEED)
torch.manual_seed(SEED)


class NN(nn.Module):
    """ni inputs, nh hidden units, no outputs"""

    def __init__(self, ni, nh, no):
        super().__init__()
        self.wi = nn.Linear(ni, nh)
        self.wh = nn.Linear(nh, nh)
        self.wo = nn.Linear(nh, no)

    def forward(self, inputs):
        a = torch.tanh(self.wi(inputs))
        a = torch.tanh(self.wh(a))
        return self.wo(a)


def patterns(n):
    # four measurements of a part -> its quality grade between 1 and 4
    x = np.random.normal(size=(n, 4))
    grade = 2.5 + 0.9 * np.sin(1.5 * x[:, 0]) + 0.5 * x[:, 1] * x[:, 2] - 0.3 * x[:, 3]
    grade = np.clip(grade + 0.1 * np.random.normal(size=n), 1, 4)
    return torch.tensor(x, dtype=torch.float32), torch.tensor(grade, dtype=torch.float32).unsqueeze(1)


def train(n, inputs, targets, test_inputs, test_targets, epochs=40, lr=0.005):
    optimizer = torch.optim.Adam(n.parameters(), lr=lr, weight_decay=1e-4)
    scheduler = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.93)
    loss_fn = nn.MSELoss()
    for i in range(epochs):
        error = 0.0
        for batch in torch.randperm(len(inputs)).split(40):
            optimizer.zero_grad()
            loss = loss_fn(n(inputs[batch]), targets[batch])
            loss.backward()
            optimizer.step()
            error += loss.item() * len(batch)
        scheduler.step()
        with torch.no_grad():
            out = n(test_inputs)
            val = loss_fn(out, test_targets).item()
            r2 = 1 - val / test_targets.var().item()
        print("epoch %d train loss %.4f val loss %.4f r2 %.3f" % (i + 1, error / len(inputs), val, r2))


if __name__ == "__main__":
    train_set, test_set = patterns(2000), patterns(500)
    net = NN(4, 32, 1)
    train(net, *train_set, *test_set)
    with torch.no_grad():
        for grade, answer in list(zip(test_set[1], net(test_set[0])))[:5]:
            print("grade %.2f network %.2f" % (grade.item(), answer.item()))
