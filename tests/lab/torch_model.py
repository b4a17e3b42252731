"""The lab's model in torch's own operations, on given weights; to compare with."""

from __future__ import annotations


def torch_loss(torch, shape, params, batch):
    """The same model written with torch's own operations, on the same weights."""
    functional = torch.nn.functional
    d, length = shape.width, batch.inputs.shape[1]
    if shape.vocabulary:
        x = params["embed.weight"][torch.tensor(batch.inputs)]
    else:
        x = torch.tensor(batch.inputs)[..., None] @ params["embed.weight"] + params["embed.bias"]
    x = x + params["position"][:length]

    def norm(key, x):
        return functional.layer_norm(x, (d,), params[f"{key}.gain"], params.get(f"{key}.bias"))

    def linear(key, x):
        y = x @ params[f"{key}.weight"]
        return y + params[f"{key}.bias"] if f"{key}.bias" in params else y

    for layer in range(shape.layers):
        at = f"layer{layer}"
        q, k, v = (
            part.reshape(*part.shape[:2], shape.heads, -1).transpose(1, 2)
            for part in linear(f"{at}.attention.in", norm(f"{at}.norm1", x)).split(d, dim=-1)
        )
        y = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + linear(f"{at}.attention.out", y.transpose(1, 2).reshape(x.shape))
        y = functional.gelu(linear(f"{at}.mlp.in", norm(f"{at}.norm2", x)), approximate="tanh")
        x = x + linear(f"{at}.mlp.out", y)
    outputs = linear("readout", norm("norm", x))
    if shape.vocabulary:
        return functional.cross_entropy(
            outputs.reshape(-1, shape.vocabulary), torch.tensor(batch.targets).reshape(-1)
        )
    counted = torch.tensor(batch.counted)
    return ((outputs[..., 0] - torch.tensor(batch.targets)).abs() * counted).sum() / counted.sum()
