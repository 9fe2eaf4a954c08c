import torch
import torch.nn as nn

torch.manual_seed(14)
ITERATIONS = 60
CLIP = 0.1


def crescents(n):
    t = 3.1416 * torch.rand(n)
    side = torch.randint(0, 2, (n,)).float()
    x = torch.cos(t) * (1 - 2 * side) + side - 0.5
    y = torch.sin(t) * (1 - 2 * side) + 0.5 * side - 0.25
    return torch.stack([x, y], 1) * 1.5 + 0.08 * torch.randn(n, 2)


def mlp(sizes):
    layers = []
    for a, b in zip(sizes[:-1], sizes[1:]):
        layers += [nn.Linear(a, b), nn.LeakyReLU(0.2)]
    return nn.Sequential(*layers[:-1])


def energy_distance(a, b):
    return 2 * torch.cdist(a, b).mean() - torch.cdist(a, a).mean() - torch.cdist(b, b).mean()


G, C = mlp([4, 64, 64, 2]), mlp([2, 64, 64, 1])
average = mlp([4, 64, 64, 2])
average.load_state_dict(G.state_dict())
opt_g = torch.optim.RMSprop(G.parameters(), lr=5e-4)
opt_c = torch.optim.RMSprop(C.parameters(), lr=1e-3)
held_out, fixed_noise = crescents(80), torch.randn(80, 4)

epochs = 22
for epoch in range(1, epochs + 1):
    critic_sum = 0.0
    for _ in range(ITERATIONS):
        for _ in range(5):
            loss_c = C(G(torch.randn(64, 4)).detach()).mean() - C(crescents(64)).mean()
            opt_c.zero_grad()
            loss_c.backward()
            opt_c.step()
            with torch.no_grad():
                for p in C.parameters():
                    p.clamp_(-CLIP, CLIP)
        loss_g = C(G(torch.randn(64, 4))).mean()
        opt_g.zero_grad()
        loss_g.backward()
        opt_g.step()
        critic_sum += loss_c.item() / ITERATIONS
        with torch.no_grad():
            for slow, quick in zip(average.parameters(), G.parameters()):
                slow.lerp_(quick, 0.02)
    with torch.no_grad():
        sample = average(fixed_noise)
        distance = energy_distance(sample, held_out).item()
    print(f"epoch {epoch} train loss {critic_sum:.4f} val loss {distance:.4f} spread {sample.std(0).mean():.3f}")
