import copy

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

torch.manual_seed(17)
epochs = 14

digits = load_digits()
images = (digits.images / 16 - 0.305) / 0.376
x, x_val, y, y_val = train_test_split(images, digits.target, test_size=500, stratify=digits.target, random_state=1)
labelled, _ = train_test_split(np.arange(len(y)), train_size=200, stratify=y, random_state=2)
x, x_val = (torch.tensor(v, dtype=torch.float32)[:, None] for v in (x, x_val))
y, y_val = torch.tensor(y), torch.tensor(y_val)
x_val = x_val + 0.5 * torch.randn_like(x_val)


def student_net():
    return nn.Sequential(nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
                         nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
                         nn.Dropout(0.25), nn.Linear(128, 10))


def noisy(batch):
    return batch + 0.5 * torch.randn_like(batch)


student = student_net()
teacher = copy.deepcopy(student)
for p in teacher.parameters():
    p.requires_grad = False

optimizer = torch.optim.SGD(student.parameters(), lr=0.1, momentum=0.9, nesterov=True, weight_decay=1e-3)
schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
for epoch in range(epochs):
    student.train()
    teacher.train()
    weight = 4.0 * np.exp(-5 * (1 - min(1.0, epoch / 5)) ** 2)      # consistency counts more and more
    sup, con = 0.0, 0.0
    order = torch.randperm(len(x))[:1250].split(50)
    for all_rows in order:
        rows = labelled[torch.randint(0, len(labelled), (40,))]
        out = student(noisy(torch.cat([x[rows], x[all_rows]])))
        with torch.no_grad():
            target = teacher(noisy(x[all_rows])).softmax(1)
        supervised = F.cross_entropy(out[:40], y[rows])
        consistency = F.mse_loss(out[40:].softmax(1), target)
        loss = supervised + weight * consistency
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(student.parameters(), 5.0)
        optimizer.step()
        with torch.no_grad():
            for slow, fast in zip(teacher.parameters(), student.parameters()):
                slow.mul_(0.97).add_(fast, alpha=0.03)
        sup += supervised.item() / len(order)
        con += consistency.item() / len(order)
    schedule.step()
    teacher.eval()
    with torch.no_grad():
        out = teacher(x_val)
    v, a = F.cross_entropy(out, y_val).item(), (out.argmax(1) == y_val).float().mean().item()
    print(f"epoch {epoch + 1}: supervised {sup:.4f} consistency {con:.5f} val loss {v:.4f} accuracy {a:.3f}")
print(f"final: val loss {v:.3f} accuracy {a:.3f} with 200 labels")
