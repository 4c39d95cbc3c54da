"""Every public name of 0.7's modules for pictures and tables is there, or says what to write."""

import importlib
import pickle

import pytest

from kerasfast.fastai.parts.absent import Absent

REFUSED = {
    "sgdr": "CosAnneal CircularLR CircularLR_beta LR_Updater OptimScheduler DecayScheduler LR_Finder2 SaveBestModel "
    "WeightDecaySchedule draw_line draw_text smooth_curve",
    "model": "Stepper IterBatch validate_next predict_to_bcolz append_stats print_stats set_train_mode",
    "core": "load_array set_trainable set_trainable_attr trainable_params_ chain_params conv_dict",
    "dataset": "ImageData BaseDataset FilesDataset ArraysDataset",
    "transforms": "Transform CoordTransform image_gen inception_models",
    "torch_imports": "Dataset TensorDataset Compose torchvision load_pre",
    "column_data": "EmbeddingDotBias CollabFilterModel PassthruDataset",
    "conv_learner": "model_meta model_features",
    "layer_optimizer": "opt_params zip_strict_",
    "imports": "bcolz",
    "structured": "Imputer export_graphviz forest",
}
THERE = {
    "torch_imports": "save_model load_model cuda backends kaiming_normal kaiming_uniform",
    "core": "SimpleNet apply_leaf create_variable V_ VV_ load2",
    "dataset": "folder_source csv_source dict_source parse_csv_labels nhot_labels read_dirs resize_img resize_imgs "
    "ArraysNhotDataset FilesIndexArrayRegressionDataset n_hot",
    "transforms": "scale_min scale_to crop center_crop no_crop dihedral lighting rotate_cv zoom_cv stretch_cv cutout "
    "googlenet_resize det_dihedral det_stretch det_lighting det_rotate det_zoom rand0 compose to_bb coords2px",
    "column_data": "MixedInputModel StructuredModel emb_init get_emb",
    "conv_learner": "ConvnetBuilder apply_init cond_init fbeta_torch apply_lsuv_init cut_model num_features",
    "structured": "LabelEncoder StandardScaler DataFrameMapper set_rf_samples reset_rf_samples",
    "imports": "clear_tqdm widgets interact interactive fixed sklearn_pandas IPython",
    "plots": "confusion_matrix",
}


@pytest.mark.parametrize("module", sorted(REFUSED | THERE))
def test_names_of_the_course_are_there_or_refused(module):
    starred: dict = {}
    exec(f"from kerasfast.fastai.{module} import *", starred)
    for name in REFUSED.get(module, "").split():
        assert isinstance(starred[name], Absent), name
        assert getattr(importlib.import_module(f"kerasfast.fastai.{module}"), name) is starred[name]
    for name in THERE.get(module, "").split():
        assert not isinstance(starred[name], Absent), name


def test_whatever_is_done_with_an_absent_name_says_what_to_write():
    gone = Absent("CosAnneal", "write `learn.fit(lrs, 1, cycle_len=1)`")
    with pytest.raises(NotImplementedError, match=r"`CosAnneal` of the course.*cycle_len=1"):
        gone(3)
    with pytest.raises(NotImplementedError, match="CosAnneal"):
        gone.calc_lr
    with pytest.raises(NotImplementedError, match="CosAnneal"):

        class Mine(gone):
            pass

    assert "not here" in repr(gone) and not hasattr(gone, "__wrapped__")
    assert pickle.dumps(type(gone))
