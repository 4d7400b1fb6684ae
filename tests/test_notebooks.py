"""The notebooks as their author has them: text and .ipynb in step, no outputs, no result typed by hand."""

import re

import jupytext
import nbformat
import pytest

from study import parts, paths

SOURCES = sorted(paths.NOTEBOOKS.glob("*.py"))


def test_every_part_has_its_notebook():
    assert {part.source for part in parts.PARTS} == set(SOURCES)


@pytest.mark.parametrize("source", SOURCES, ids=lambda p: p.stem)
def test_text_and_ipynb_are_in_step(source):
    text, paired = jupytext.read(source), nbformat.read(source.with_suffix(".ipynb"), as_version=4)

    def cells(notebook):
        return [(c.cell_type, c.source, c.metadata.get("tags", [])) for c in notebook.cells]

    assert cells(text) == cells(paired), f"run `make pair` after a change of {source.name}"
    assert all(not c.get("outputs") and c.get("execution_count") is None for c in paired.cells)
    assert paired.metadata.kernelspec.name == "python3"


@pytest.mark.parametrize("source", SOURCES, ids=lambda p: p.stem)
def test_saving_in_jupyterlab_changes_nothing_but_what_the_author_changed(source):
    assert jupytext.writes(jupytext.read(source.with_suffix(".ipynb")), fmt="py:percent") == source.read_text()


@pytest.mark.parametrize("source", SOURCES, ids=lambda p: p.stem)
def test_no_measured_result_is_typed_by_hand(source):
    """Decimals and percentages with a decimal in prose, or in the fixed text of a sentence, are results."""
    typed = re.compile(r"(?<![\w.=-])\d+\.\d+(?!\w*[)\]}])|\d+\.\d+ ?%")
    for cell in jupytext.read(source).cells:
        text = cell.source
        if cell.cell_type == "code":
            # What stands in braces is computed; the rest of a say() is fixed text.
            said = re.findall(r'page\.say\(\s*f?"""(.*?)"""', text, flags=re.S)
            text = " ".join(_without_braces(s) for s in said)
        found = typed.findall(re.sub(r"`[^`]*`|\[[^\]]*\]\([^)]*\)|\$[^$]*\$", "", text))
        assert not found, f"{source.name}: typed by hand: {found}"


def _without_braces(text):
    depth, kept = 0, []
    for letter in text:
        depth += letter == "{"
        if depth == 0:
            kept.append(letter)
        depth -= letter == "}"
    return "".join(kept)


def test_part_2_answers_every_question_under_its_heading():
    text = (paths.NOTEBOOKS / "part2_nab_autoencoders.py").read_text()
    for question in (
        "## Provide brief details about the nature of your dataset. What is it about? What type of data are we "
        "encountering? How many entries and variables does the dataset comprise?",
        "## Describe the details of your autoencoder models, including the layers, activation functions, and any "
        "specific configurations employed.",
        "## Discuss the results and provide relevant graphs",
        "### a. Report training accuracy, training loss, validation accuracy, validation loss, testing accuracy, and "
        "testing loss.",
        "### b. Plot the training and validation accuracy over time (epochs).",
        "### c. Plot the training and validation loss over time (epochs).",
        "### d. Generate a confusion matrix using the model's predictions on the test set.",
        "### e. Report any other evaluation metrics used to analyze the model's performance on the test set.",
        "## Discuss the strengths and limitations of using autoencoders for anomaly detection.",
    ):
        assert f"# {question}\n" in text


def test_the_bonus_part_answers_every_question_under_its_heading():
    text = (paths.NOTEBOOKS / "bonus_vision_transformer.py").read_text()
    for question in (
        "## Implement a vision transformer paper to solve a problem defined in Assignment 1, Part I. Compare the "
        "results with VGG and ResNet.",
        "## Use EfficientNet to solve a problem defined in Assignment 1, Part I. Compare the results with VGG and "
        "ResNet. You can use pre-defined EfficientNet models.",
    ):
        assert f"# {question}\n" in text


def test_part_4_answers_every_question_under_its_heading():
    text = (paths.NOTEBOOKS / "part4_ag_news_transformer.py").read_text()
    for question in (
        "## Dataset",
        "## Describe the Transformer architecture you have defined",
        "## Describe how the techniques (regularization, dropout, early stopping) have impacted the performance of the "
        "model.",
        "## Discuss the results and provide the relevant graphs",
        "### Report training accuracy, training loss, validation accuracy, validation loss, testing accuracy, and "
        "testing loss.",
        "### Plot the training and validation accuracy over time (epochs).",
        "### Plot the training and validation loss over time (epochs).",
        "### Generate a confusion matrix using the model's predictions on the test set.",
        "### Provide the Precision, recall and F1 score.",
        "### Plot the ROC curve",
    ):
        assert f"# {question}\n" in text
