# exported from a notebook: a first, simple character model before building the real one
import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

torch.manual_seed(1337)
rng = np.random.default_rng(8)

# --- the text: lines of orders in a canteen
dishes = ["noodle soup", "fried rice", "green curry", "dumplings", "bean salad", "lemon tart", "pork bun", "iced tea", "black coffee"]
sizes = ["small", "large", "half", "double"]
extras = ["no onions", "extra chili", "to go", "for two", "with egg", "on the side"]
lines = []
for _ in range(1600):
    line = f"table {rng.integers(1, 20)}: {rng.choice(sizes)} {rng.choice(dishes)}"
    if rng.random() < 0.6:
        line += f", {rng.choice(extras)}"
    lines.append(line + f" / {rng.integers(3, 15)}.50")
text = "\n".join(lines)
vocab = sorted(set(text))
stoi = {ch: i for i, ch in enumerate(vocab)}
dataset = torch.tensor([stoi[ch] for ch in text])
print("characters", len(dataset), "vocabulary", len(vocab))

MASTER_CONFIG = {
    "vocab_size": len(vocab),
    "context_window": 8,
    "d_model": 96,
    "d_char": 12,
    "batch_size": 64,
    "batches_per_epoch": 100,
}


def get_batches(data, split, batch_size, context_window):
    part = data[:int(0.85 * len(data))] if split == "train" else data[int(0.85 * len(data)):]
    ix = torch.randint(0, len(part) - context_window - 1, (batch_size,))
    x = torch.stack([part[i:i + context_window] for i in ix])
    y = part[ix + context_window]
    return x, y


class SimpleModel(nn.Module):
    def __init__(self, config=MASTER_CONFIG):
        super().__init__()
        self.embedding = nn.Embedding(config["vocab_size"], config["d_char"])
        self.linear = nn.Sequential(
            nn.Linear(config["d_char"] * config["context_window"], config["d_model"]),
            nn.ReLU(),
            nn.Linear(config["d_model"], config["vocab_size"]),
        )

    def forward(self, idx, targets=None):
        a = self.linear(self.embedding(idx).flatten(1))
        logits = a
        if targets is None:
            return logits
        return logits, F.cross_entropy(logits, targets)


model = SimpleModel()
print("model params:", sum(m.numel() for m in model.parameters()))
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=5, gamma=0.4)


@torch.no_grad()
def evaluate():
    model.eval()
    rest = dataset[int(0.85 * len(dataset)):].unfold(0, MASTER_CONFIG["context_window"] + 1, 1)
    xs, ys = rest[:, :-1], rest[:, -1]
    logits, loss = model(xs, ys)
    model.train()
    return loss.item(), (logits.argmax(-1) == ys).float().mean().item()


EPOCHS = 15
for epoch in range(EPOCHS):
    losses = []
    for _ in range(MASTER_CONFIG["batches_per_epoch"]):
        xs, ys = get_batches(dataset, "train", MASTER_CONFIG["batch_size"], MASTER_CONFIG["context_window"])
        optimizer.zero_grad()
        _, loss = model(xs, ys)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    scheduler.step()
    val_loss, accuracy = evaluate()
    print(f"epoch {epoch} train loss {np.mean(losses):.4f} val loss {val_loss:.4f} next-character accuracy {accuracy:.3f}")
