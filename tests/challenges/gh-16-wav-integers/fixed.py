import io
import wave
import numpy as np
import torch
from torch import nn
from torch.utils.data import Dataset, DataLoader

torch.manual_seed(6)
RATE, LENGTH = 8000, 400
MACHINES = ("fan", "pump", "saw", "drill")


def recording(kind, rng):
    t = np.arange(LENGTH) / RATE
    base = (140, 230, 330, 480)[kind] * rng.uniform(0.8, 1.25)
    sound = sum(np.sin(2 * np.pi * base * k * t + rng.uniform(0, 6.3)) / (k if kind % 2 else k ** 2) for k in range(1, 5))
    sound = 0.2 * rng.uniform(0.8, 1.2) * sound + rng.normal(0, 0.33, LENGTH)
    data = (np.clip(sound, -1, 1) * 32767).astype("<i2")
    file = io.BytesIO()
    with wave.open(file, "wb") as w:
        w.setnchannels(1)
        w.setsampwidth(2)
        w.setframerate(RATE)
        w.writeframes(data.tobytes())
    return file.getvalue()


def read_wav(content):
    with wave.open(io.BytesIO(content)) as w:
        return np.frombuffer(w.readframes(w.getnframes()), dtype="<i2") / 32768


class Machines(Dataset):
    def __init__(self, n, seed):
        rng = np.random.default_rng(seed)
        self.labels = rng.integers(0, len(MACHINES), n)
        sounds = [read_wav(recording(k, rng)) for k in self.labels]
        self.sounds = torch.tensor(np.stack(sounds), dtype=torch.float32).unsqueeze(1)

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, i):
        return self.sounds[i], int(self.labels[i])


class SoundNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.front = nn.Conv1d(1, 16, 33, stride=4)
        self.mid = nn.Conv1d(16, 24, 9, stride=3)
        self.drop = nn.Dropout(0.3)
        self.out = nn.Linear(24, len(MACHINES))

    def forward(self, x):
        x = torch.relu(self.front(x))
        x = torch.relu(self.mid(x))
        return self.out(self.drop(x.mean(2)))


train_loader = DataLoader(Machines(3000, 0), batch_size=50, shuffle=True)
val_loader = DataLoader(Machines(600, 1), batch_size=200)
net = SoundNet()
loss_fn = nn.CrossEntropyLoss()
epochs = 26
opt = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, epochs)

for epoch in range(1, epochs + 1):
    net.train()
    running = []
    for sound, label in train_loader:
        loss = loss_fn(net(sound), label)
        opt.zero_grad()
        loss.backward()
        opt.step()
        running.append(loss.item())
    sched.step()
    net.eval()
    total = right = 0.0
    with torch.no_grad():
        for sound, label in val_loader:
            out = net(sound)
            total += loss_fn(out, label).item() * len(label)
            right += (out.argmax(1) == label).sum().item()
    val_loss, accuracy = total / 600, right / 600
    print(f"epoch {epoch}, train loss {np.mean(running):.4f}, val loss {val_loss:.4f}, accuracy {accuracy:.3f}")
print(f"final: val loss {val_loss:.4f}, accuracy {accuracy:.3f}")
