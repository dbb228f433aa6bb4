# What the engine needs for GPUs, as the target finewatt_cuda: nvcc, the CUDA runtime, and the CUDA
# half of LibTorch out of the same wheel (FinewattTorch.cmake). Headers of cuBLAS and the like are
# not needed: their work is called through LibTorch.
#
# FINEWATT_CUDA_ARCHITECTURES: compute capabilities to build kernels for; "native" asks the GPU.
set(FINEWATT_CUDA_ARCHITECTURES "90" CACHE STRING "GPUs to build for, e.g. 80;90 (Ampere, Hopper)")

if(NOT EXISTS "${FINEWATT_TORCH_DIR}/lib/libtorch_cuda.so")
    message(FATAL_ERROR
        "FINEWATT_WITH_CUDA: expected a CUDA wheel of torch, found ${FINEWATT_TORCH_VERSION} in "
        "${FINEWATT_TORCH_DIR}. Name one with -DFINEWATT_TORCH_DIR=…/site-packages/torch, or build "
        "with -DFINEWATT_WITH_CUDA=OFF.")
endif()
if(NOT DEFINED CMAKE_CUDA_ARCHITECTURES)
    set(CMAKE_CUDA_ARCHITECTURES "${FINEWATT_CUDA_ARCHITECTURES}")
endif()
# The wheel loads the shared runtime; a second, static one would keep its own state.
set(CMAKE_CUDA_RUNTIME_LIBRARY Shared)
enable_language(CUDA)
# CMake 3.25 does not know how to ask nvcc for C++20, which it has from 12.0 on.
if(NOT CMAKE_CUDA20_STANDARD_COMPILE_OPTION)
    set(CMAKE_CUDA20_STANDARD_COMPILE_OPTION -std=c++20)
    set(CMAKE_CUDA20_EXTENSION_COMPILE_OPTION -std=c++20)
endif()
set(CMAKE_CUDA_STANDARD 20)
set(CMAKE_CUDA_STANDARD_REQUIRED ON)
find_package(CUDAToolkit REQUIRED)

add_library(finewatt_cuda INTERFACE)
target_link_libraries(finewatt_cuda INTERFACE torch_cuda c10_cuda CUDA::cudart)
target_link_directories(finewatt_cuda INTERFACE "${FINEWATT_TORCH_DIR}/lib")
