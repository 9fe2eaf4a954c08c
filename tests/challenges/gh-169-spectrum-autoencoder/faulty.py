import torch
import torch.nn.functional as F

torch.manual_seed(13)

# absorption spectra of mixtures of three dyes
n_input, n_hidden_1, n_hidden_2 = 80, 32, 6
grid = torch.linspace(0, 1, n_input)


def spectra(n):
    share = torch.rand(n, 3)
    width = 0.05 + 0.05 * torch.rand(n, 1)
    shift = 0.06 * torch.randn(n, 1)
    curves = sum(share[:, k:k + 1] * torch.exp(-((grid - c - shift) / width) ** 2) for k, c in enumerate((0.25, 0.5, 0.7)))
    return curves + 0.1 * torch.randn(n, n_input)


train, val = spectra(4000), spectra(600)
mean, std = train.mean(0), train.std(0)
train, val = (train - mean) / std, (val - mean) / std


def random_normal(rows, cols):
    return torch.randn(rows, cols).requires_grad_()


weights = {
    "encoder_h1": random_normal(n_input, n_hidden_1),
    "encoder_h2": random_normal(n_hidden_1, n_hidden_2),
    "decoder_h1": random_normal(n_hidden_2, n_hidden_1),
    "decoder_h2": random_normal(n_hidden_1, n_input),
}
biases = {
    "encoder_b1": torch.zeros(n_hidden_1, requires_grad=True),
    "encoder_b2": torch.zeros(n_hidden_2, requires_grad=True),
    "decoder_b1": torch.zeros(n_hidden_1, requires_grad=True),
    "decoder_b2": torch.zeros(n_input, requires_grad=True),
}


def encoder(x):
    layer_1 = torch.tanh(x @ weights["encoder_h1"] + biases["encoder_b1"])
    return torch.tanh(layer_1 @ weights["encoder_h2"] + biases["encoder_b2"])


def decoder(code):
    layer_1 = torch.tanh(code @ weights["decoder_h1"] + biases["decoder_b1"])
    return layer_1 @ weights["decoder_h2"] + biases["decoder_b2"]


epochs = 40
batch_size = 64
optimizer = torch.optim.Adam([*weights.values(), *biases.values()], lr=0.006)
schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)

for epoch in range(epochs):
    cost = 0.0
    for batch in train[torch.randperm(len(train))].split(batch_size):
        loss = F.mse_loss(decoder(encoder(batch)), batch)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        cost += loss.item() * len(batch) / len(train)
    schedule.step()
    with torch.no_grad():
        val_loss = F.mse_loss(decoder(encoder(val)), val).item()
    print("epoch %d cost %.5f val loss %.5f" % (epoch + 1, cost, val_loss))

print("final: val loss %.5f, variance of a channel %.3f" % (val_loss, val.var(0).mean().item()))
