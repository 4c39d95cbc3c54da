"""Every name that lessons take from the course's star imports."""

import importlib
import types

import pytest

NAMES = {
    "conv_learner": """
        np pd plt os math datetime glob Path PIL tqdm FileLink Image partial Counter OrderedDict display
        ImageClassifierData ConvLearner Learner tfms_from_model tfms_from_stats transforms_basic transforms_side_on
        transforms_top_down CropType TfmType RandomRotate RandomFlip RandomDihedral RandomLighting RandomScale
        RandomZoom RandomStretch RandomRotateZoom RandomBlur AddPadding GoogleNetResize get_cv_idxs open_image accuracy
        accuracy_np accuracy_thresh fbeta f1 precision recall TrainingPhase DecayType Callback LoggingCallback
        LossRecorder LR_Finder LayerOptimizer torch to_np V VV T A to_gpu nn optim F SGD_Momentum one_hot num_cpus
        resnet18 resnet34 resnet50 resnet101 resnet152 resnext50 resnext101 resnext101_64 vgg16 vgg19 dn121 dn161 dn169
        dn201 inception_4 inceptionresnet_2 nasnet nasnetalarge wrn efficientnet_lite0 imagenet_stats inception_stats
        model_summary predict predict_with_targs fit split_by_idx
    """,
    "dataset": "ImageClassifierData get_cv_idxs open_image ImageDataset DataLoader ModelData",
    "transforms": "tfms_from_model tfms_from_stats transforms_basic transforms_side_on transforms_top_down CropType",
    "model": "fit predict model_summary",
    "learner": "Learner",
    "sgdr": "TrainingPhase DecayType Callback LossRecorder LR_Finder",
    "layer_optimizer": "LayerOptimizer set_lrs set_wds",
    "metrics": "accuracy accuracy_np accuracy_thresh accuracy_multi fbeta f1 recall precision",
    "plots": "plots plots_from_files plot_confusion_matrix ImageModelResults load_img_id",
    "imports": "np pd plt os math datetime glob Path PIL tqdm FileLink re sys time json pickle",
    "core": "to_np V T A one_hot torch sum_geom partition save load",
    "io": "get_data",
    "planet": "f2 opt_th",
    "structured": """
        add_datepart train_cats apply_cats proc_df get_sample fix_missing numericalize scale_vars get_nn_mappers
        combine_date rf_feat_importance is_date set_plot_sizes parallel_trees draw_tree np pd plt re math display
    """,
    "column_data": """
        ColumnarModelData CollabFilterDataset ColumnarDataset StructuredLearner np pd plt math datetime get_cv_idxs
        split_by_idx optim V to_np partial TrainingPhase
    """,
}


@pytest.mark.parametrize("module", NAMES)
def test_a_star_import_brings_the_names(module):
    starred: dict = {}
    exec(f"from kerasfast.fastai.{module} import *", starred)
    assert not set(NAMES[module].split()) - starred.keys()
    loaded = importlib.import_module(f"kerasfast.fastai.{module}")
    assert loaded.__doc__ and len(loaded.__all__) == len(set(loaded.__all__))
    assert not [name for name in loaded.__all__ if name.startswith("_")]
    assert isinstance(starred.get("math", loaded), types.ModuleType)
