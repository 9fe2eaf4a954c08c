import copy
import random

import torch
import torch.nn as nn

torch.manual_seed(14)
random.seed(14)
SIZE, GAMMA = 6, 0.9
WALLS = {(1, 1), (1, 2), (3, 3), (4, 3), (2, 4)}
GOAL = (5, 5)
MOVES = [(0, 1), (1, 0), (0, -1), (-1, 0)]


def step(cell, action):
    r, c = cell[0] + MOVES[action][0], cell[1] + MOVES[action][1]
    if not (0 <= r < SIZE and 0 <= c < SIZE) or (r, c) in WALLS:
        r, c = cell
    return (r, c), (1.0 if (r, c) == GOAL else -0.02), (r, c) == GOAL


def observe(cells):
    x = torch.zeros(len(cells), 2 * SIZE)
    for i, (r, c) in enumerate(cells):
        x[i, r] = x[i, SIZE + c] = 1.0
    return x


def steps_to_goal(net):
    """steps of the greedy policy, averaged over all cells; forty where it runs in circles"""
    total = 0
    for cell in CELLS:
        for n in range(40):
            with torch.no_grad():
                cell, _, done = step(cell, net(observe([cell])).argmax().item())
            if done:
                break
        total += n + 1
    return total / len(CELLS)


CELLS = [(r, c) for r in range(SIZE) for c in range(SIZE) if (r, c) not in WALLS and (r, c) != GOAL]
net = nn.Sequential(nn.Linear(2 * SIZE, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 4))
target = copy.deepcopy(net)
epochs = 20
optimizer = torch.optim.Adam(net.parameters(), lr=2e-3)
scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda e: 0.02 + 0.98 * (1 - e / epochs))
memory = []
for epoch in range(epochs):
    epsilon = max(0.2, 1 - 1.5 * epoch / epochs)
    losses = []
    for episode in range(15):
        cell = random.choice(CELLS)
        for _ in range(12):
            with torch.no_grad():
                greedy = net(observe([cell])).argmax().item()
            action = random.randrange(4) if random.random() < epsilon else greedy
            nxt, reward, done = step(cell, action)
            memory.append((cell, action, reward, nxt, done))
            cell = nxt
            if done:
                break
        for _ in range(8):
            batch = random.sample(memory, min(64, len(memory)))
            s, a, r, n, d = zip(*batch)
            with torch.no_grad():
                goal = torch.tensor(r) + GAMMA * (1 - torch.tensor(d).float()) * target(observe(n)).max(1).values
            q = net(observe(s)).gather(1, torch.tensor(a)[:, None])[:, 0]
            loss = nn.functional.smooth_l1_loss(q, goal)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
            with torch.no_grad():
                for p, t in zip(net.parameters(), target.parameters()):
                    t.lerp_(p, 0.05)
    scheduler.step()
    length = steps_to_goal(net)
    print(f"epoch {epoch + 1} td loss {sum(losses) / len(losses):.5f} val loss {length:.4f}")
print(f"final: {length:.3f} steps to the goal on average")
