"""Adapters: programs of others that train, each behind one protocol; data goes out in files and a model comes back as ONNX."""

ADAPTERS = {
    "libreyolo": "trainer.adapters.libreyolo:LibreYolo",
    "rfdetr": "trainer.adapters.rfdetr:RfDetr",
    "outside": "trainer.adapters.outside:Outside",
}
