import torch
from torch import nn

BLOCK, STREAMS = 8, 40


def telegraph(streams, blocks, g):
    """now and then a switch is set to one of three positions; every block ends with the question where it stands, which some answer wrongly"""
    steps = streams, blocks, BLOCK
    press = torch.rand(steps, generator=g) < 0.03
    position = torch.randint(0, 3, steps, generator=g)
    press[:, 0, 0] = True
    state = torch.zeros(streams, dtype=torch.long)
    answer = torch.zeros(streams, blocks, dtype=torch.long)
    for b in range(blocks):
        for t in range(BLOCK):
            state = torch.where(press[:, b, t], position[:, b, t], state)
        slip = torch.rand(streams, generator=g) < 0.1
        answer[:, b] = torch.where(slip, torch.randint(0, 3, (streams,), generator=g), state)
    signal = torch.zeros(*steps, 3).scatter(3, position.unsqueeze(3), press.float().unsqueeze(3))
    return torch.cat([signal, torch.randn(*steps, 1, generator=g)], 3) + 0.1 * torch.randn(*steps, 4, generator=g), answer


class SwitchReader(nn.Module):
    def __init__(self, hidden=24):
        super().__init__()
        self.rnn = nn.LSTM(4, hidden, batch_first=True)
        self.read = nn.Linear(hidden, 3)
        self.state = None

    def reset(self):
        self.state = None

    def forward(self, block):
        out, (h, c) = self.rnn(block, self.state)
        self.state = h.detach(), c.detach()
        return self.read(out[:, -1])


def run(model, signal, answer, criterion, optimizer=None):
    total, right = 0.0, 0.0
    blocks = answer.size(1)
    for b in range(blocks):
        model.reset()
        out = model(signal[:, b])
        loss = criterion(out, answer[:, b])
        if optimizer is not None:
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
        total += loss.item() / blocks
        right += (out.argmax(1) == answer[:, b]).float().mean().item() / blocks
    return total, right


def main(epochs=14, seed=16):
    torch.manual_seed(seed)
    g = torch.Generator().manual_seed(16)
    train, val = telegraph(STREAMS, 100, g), telegraph(STREAMS, 50, g)
    model, criterion = SwitchReader(), nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
    for epoch in range(epochs):
        model.train()
        loss, _ = run(model, *train, criterion, optimizer)
        scheduler.step()
        model.eval()
        with torch.no_grad():
            val_loss, right = run(model, *val, criterion)
        print(f"epoch {epoch + 1} loss {loss:.4f} val loss {val_loss:.4f} right {right:.3f}")
    print(f"final: val loss {val_loss:.4f}, right {right:.3f}")


main()
