# Which language does a name come from? Names are invented letter by letter from a chain of each language.
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(81)
N_LETTERS = 18
languages = ["Askar", "Belun", "Corin", "Dovat", "Erim"]
chains = torch.softmax(1.3 * torch.randn(len(languages), N_LETTERS, N_LETTERS), dim=2)


def invent(count, length=9):
    category = torch.randint(len(languages), (count,))
    letters = [torch.randint(N_LETTERS, (count,))]
    for _ in range(length - 1):
        letters.append(torch.multinomial(chains[category, letters[-1]], 1).squeeze(1))
    return torch.stack(letters, 1), category


class CharRNN(nn.Module):
    def __init__(self, input_size, hidden_size, output_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.i2h = nn.Linear(input_size + hidden_size, hidden_size)
        self.h2o = nn.Linear(hidden_size, output_size)

    def forward(self, line):
        hidden = torch.zeros(line.size(0), self.hidden_size)
        for i in range(line.size(1)):
            hidden = torch.tanh(self.i2h(torch.cat((line[:, i], hidden), 1)))
        return F.log_softmax(self.h2o(hidden), dim=1)


def line_to_tensor(names):
    return F.one_hot(names, N_LETTERS).float()


n_hidden = 48
criterion = nn.NLLLoss()


def train(category, line):
    rnn.zero_grad()
    loss = criterion(rnn(line), category)
    loss.backward()
    optimizer.step()
    return loss.item()


def evaluate(category, line):
    with torch.no_grad():
        output = rnn(line)
    return criterion(output, category).item(), (output.argmax(1) == category).float().mean().item()


names, labels = invent(3000)
test_names, test_labels = invent(1000)

epochs = 14
rnn = CharRNN(N_LETTERS, n_hidden, len(languages))
optimizer = torch.optim.Adam(rnn.parameters(), lr=0.004)
scheduler = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.8)
for epoch in range(1, epochs + 1):
    current = 0
    order = torch.randperm(len(names))
    for i in range(0, len(names), 50):
        picked = order[i:i + 50]
        current += train(labels[picked], line_to_tensor(names[picked]))
    scheduler.step()
    loss, accuracy = evaluate(test_labels, line_to_tensor(test_names))
    print(f"epoch {epoch} train loss {current / 60:.4f} val loss {loss:.4f} accuracy {accuracy:.3f}")
print(f"final: val loss {loss:.4f}, accuracy {accuracy:.3f}")
