"""Writes the samples of this folder with the real loggers: python write.py FOLDER.

It needs wandb, mlflow, tensorboard, clearml, aim, keras, torch, lightning, transformers and
accelerate; the versions of the samples are in README.md. `truth.json` holds what was logged.
"""

from __future__ import annotations

import gzip
import json
import os
import shutil
import sys
import tempfile
from pathlib import Path

STEPS = list(range(0, 60, 5))
LOSSES = [round(4 - t / 90, 4) for t in STEPS]
RATES = [1e-3 * min(1.0, (t + 1) / 6) * min(1.0, (60 - t) / 30) for t in STEPS]
DECAY, SIZE = 0.125, {"n_embd": 64, "n_layer": 2}
ROWS = list(zip(STEPS, LOSSES, RATES, strict=True))


def wandb_run(out: Path, work: Path) -> None:
    import wandb

    config = {"weight_decay": DECAY, **SIZE}
    run = wandb.init(project="p", name="mine", dir=str(work), config=config)
    for step, loss, rate in ROWS:
        run.log({"train/loss": loss, "train/lr": rate, "train/grad_norm": 1.5}, step=step)
    run.finish()
    wandb.teardown()  # its own process writes the rest
    (file,) = work.glob("wandb/offline-run-*/run-*.wandb")
    packed(file, out / "wandb" / "offline-run-1" / "run-mine.wandb.gz")


def mlflow_runs(out: Path, work: Path) -> None:
    import mlflow

    os.environ["MLFLOW_ALLOW_FILE_STORE"] = "true"
    for uri in (f"sqlite:///{work}/mlflow.db", f"file://{work}/mlruns"):
        mlflow.set_tracking_uri(uri)
        mlflow.set_experiment("e")
        with mlflow.start_run(run_name="mine"):
            mlflow.log_params({"weight_decay": DECAY, **SIZE})
            for step, loss, rate in ROWS:
                values = {"train/loss": loss, "lr": rate, "grad_norm": 1.5}
                mlflow.log_metrics(values, step=step)
    packed(work / "mlflow.db", out / "mlflow.db.gz")
    shutil.copytree(work / "mlruns", out / "mlruns")


def tensorboard_run(out: Path, work: Path) -> None:
    from torch.utils.tensorboard import SummaryWriter

    with SummaryWriter(str(out / "tensorboard" / "mine")) as writer:
        for step, loss, rate in ROWS:
            for tag, value in (("train/loss", loss), ("train/lr", rate), ("grad_norm", 1.5)):
                writer.add_scalar(tag, value, step)


def clearml_run(out: Path, work: Path) -> None:
    from clearml import Task

    Task.set_offline(offline_mode=True)
    task = Task.init(project_name="p", task_name="mine", auto_connect_frameworks=False)
    task.connect({"weight_decay": DECAY, **SIZE})
    for step, loss, rate in ROWS:
        for series, value in (("loss", loss), ("lr", rate), ("grad_norm", 1.5)):
            task.get_logger().report_scalar("train", series, value, step)
    task.flush(wait_for_uploads=True)
    folder = Path(task.get_offline_mode_folder())
    (out / "clearml").mkdir()
    shutil.copy(folder / "metrics.jsonl", out / "clearml")
    told = json.loads((folder / "task.json").read_text())
    told = {key: told[key] for key in ("id", "name", "hyperparams", "project_name", "type")}
    (out / "clearml" / "task.json").write_text(json.dumps(told))
    task.close()


def aim_run(out: Path, work: Path) -> None:
    import pandas as pd
    from aim import Run

    run = Run(repo=str(work), experiment="e", system_tracking_interval=None)
    run["hparams"] = {"weight_decay": DECAY, **SIZE}
    for step, loss, rate in ROWS:
        run.track(loss, name="loss", step=step, context={"subset": "train"})
        run.track(rate, name="lr", step=step)
        run.track(1.5, name="grad_norm", step=step)
    asked = {"include_name": True, "include_context": True, "include_run": True}
    table = pd.concat([metric.dataframe(**asked) for metric in run.metrics()])
    kept = [name for name in table.columns if "__system" not in name]
    table[kept].to_csv(out / "aim.csv", index=False)
    run.close()


def keras_run(out: Path, work: Path) -> dict[str, list[float]]:
    os.environ["KERAS_BACKEND"] = "torch"
    import keras
    import numpy as np

    x = np.random.default_rng(0).normal(size=(64, 4))
    model = keras.Sequential([keras.layers.Dense(1)])
    model.compile(keras.optimizers.AdamW(1e-2, weight_decay=DECAY), "mse")
    calls = keras.callbacks
    fall = calls.LearningRateScheduler(lambda epoch, rate: 1e-2 * (6 - epoch) / 6)
    log = calls.CSVLogger(str(out / "keras.csv"))
    seen = model.fit(x, x.sum(1), epochs=6, batch_size=8, verbose=0, callbacks=[fall, log])
    return {"step": [8 * e + 7 for e in range(6)], "loss": seen.history["loss"]}


def lightning_run(out: Path, work: Path) -> dict[str, list[float]]:
    import lightning
    import torch
    from lightning.pytorch.callbacks import LearningRateMonitor
    from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger

    class Model(lightning.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.save_hyperparameters({"weight_decay": DECAY, **SIZE})
            self.layer = torch.nn.Linear(4, 1)
            self.seen: list[tuple[int, float]] = []

        def training_step(self, batch, index):
            loss = ((self.layer(batch[0]) - batch[0].sum(1, keepdim=True)) ** 2).mean() + 2
            self.log("train_loss", loss, on_step=True, on_epoch=True)
            self.log("grad_norm", 1.5)
            self.seen.append((self.global_step, float(loss)))
            return loss

        def validation_step(self, batch, index):
            self.log("val_loss", self.layer(batch[0]).abs().mean() + 2)

        def configure_optimizers(self):
            adamw = torch.optim.AdamW(self.parameters(), lr=1e-2, weight_decay=DECAY)
            plan = torch.optim.lr_scheduler.LambdaLR(
                adamw, lambda t: min(1, (t + 1) / 5, 1 - t / 60)
            )
            return {"optimizer": adamw, "lr_scheduler": {"scheduler": plan, "interval": "step"}}

    torch.manual_seed(0)
    rows = torch.utils.data.TensorDataset(torch.randn(120, 4))
    loader, model = torch.utils.data.DataLoader(rows, batch_size=4), Model()
    lightning.Trainer(
        max_epochs=2,
        logger=[CSVLogger(str(out), "lightning"), TensorBoardLogger(str(out), "lightning_events")],
        log_every_n_steps=5,
        callbacks=[LearningRateMonitor("step")],
        enable_progress_bar=False,
        enable_checkpointing=False,
        accelerator="cpu",
    ).fit(model, loader, loader)
    logged = model.seen[4::5]
    return {"step": [t for t, _ in logged], "loss": [y for _, y in logged]}


def trainer_runs(out: Path, work: Path) -> dict[str, list[float]]:
    import contextlib

    import torch
    from transformers import LlamaConfig, LlamaForCausalLM, Trainer, TrainingArguments

    torch.manual_seed(0)
    shape = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2}
    heads = {"num_attention_heads": 2, "num_key_value_heads": 2}
    config = LlamaConfig(vocab_size=32, max_position_embeddings=16, **shape, **heads)
    tokens = [torch.randint(0, 32, (8,)) for _ in range(64)]
    data = [{"input_ids": row, "labels": row} for row in tokens]
    arguments = TrainingArguments(
        str(work / "hf"), max_steps=60, per_device_train_batch_size=2, logging_steps=5,
        eval_strategy="steps", eval_steps=20, save_steps=60, learning_rate=1e-3,
        weight_decay=DECAY, warmup_steps=10, lr_scheduler_type="linear", use_cpu=True,
        report_to=["tensorboard"], disable_tqdm=True,
    )  # fmt: skip
    trainer = Trainer(
        LlamaForCausalLM(config), arguments, train_dataset=data, eval_dataset=data[:8]
    )
    (out / "hf" / "checkpoint-60").mkdir(parents=True)
    with (out / "hf_stdout.log").open("w") as file, contextlib.redirect_stdout(file):
        trainer.train()
    for name in ("trainer_state.json", "config.json"):
        shutil.copy(work / "hf" / "checkpoint-60" / name, out / "hf" / "checkpoint-60")
    (events,) = work.glob("hf/runs/*/*tfevents*") or work.glob("hf/**/*tfevents*")
    (out / "hf_events").mkdir()
    shutil.copy(events, out / "hf_events")
    rows = [row for row in trainer.state.log_history if "loss" in row]
    return {"step": [row["step"] - 1 for row in rows], "loss": [row["loss"] for row in rows]}


def packed(file: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(gzip.compress(file.read_bytes(), 9, mtime=0))


def main(out: Path) -> None:
    os.environ.update(WANDB_MODE="offline", WANDB_SILENT="true", HF_HUB_OFFLINE="1")
    rates = {"step": STEPS, "loss": LOSSES, "rate": RATES}
    truth: dict[str, dict[str, list[float]]] = {"plain": rates}
    for writer in (wandb_run, mlflow_runs, tensorboard_run, clearml_run, aim_run, keras_run,
                   lightning_run, trainer_runs):  # fmt: skip
        with tempfile.TemporaryDirectory() as work:
            told = writer(out, Path(work))
        if told:
            truth[writer.__name__] = told
    (out / "truth.json").write_text(json.dumps(truth))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
